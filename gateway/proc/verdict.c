#include "proc/verdict.h"

#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "proc/last_words.h"

/* Marks the build in what may still get workers; those that run it already are to be replaced. Whether there is any. */
static bool confine(struct succession *succession, int copy, const char *why)
{
    bool found = false;
    for (struct generation *generation = succession->generations; generation; generation = generation->next)
        for (size_t i = 0; i < generation->bundle.count && generation->stage != GENERATION_ENDS; i++) {
            struct plugin_file *file = &generation->bundle.all[i];
            if (file->copy < 0 || file->quarantine || file_same(file->copy, copy) == 0)
                continue;
            found = true;
            file->quarantine = strdup(why);
            if (!file->quarantine)
                succession_note(succession, "%s: it cannot be put in quarantine: out of memory", file->path);
            for (struct worker *worker = generation->workers; worker; worker = worker->next)
                worker->stale |= file->quarantine != NULL;
        }
    return found;
}

/* Whether the operator has left it to us where some of its routes run. */
static bool is_ours_to_move(const struct settings *settings, const char *name)
{
    const struct plugin_settings *block = settings_plugin(settings, name);
    bool ours = (block && block->run >= 0 ? block->run : settings->run) == RUN_AUTO;
    for (size_t i = 0; block && i < block->route_count; i++)
        ours |= block->routes[i].run == RUN_AUTO;
    return ours;
}

/* The file that is to blame; NULL: none, or it is not a reason. */
static const struct plugin_file *find_culprit(const struct generation *generation, const struct worker *worker,
                                              const struct transcript_facts *facts)
{
    const struct bundle *bundle = &generation->bundle;
    if (!facts->plugin || !facts->file || !worker->served || generation->stage < GENERATION_SERVES ||
        generation->failed)
        return NULL;
    if (worker->stage == WORKER_LEAVES && !facts->route)
        return NULL;
    for (size_t i = 0; i < bundle->count; i++)
        if (bundle->all[i].copy >= 0 && strcmp(bundle->all[i].path, facts->file) == 0)
            return &bundle->all[i];
    return NULL;
}

/* ---------------------------------------------------------------------------------------------------------- */

void verdict_hear(struct succession *succession, const struct generation *generation, struct worker *worker, char *text)
{
    struct transcript_facts facts;
    char words[sizeof succession->events->text], why[sizeof words];
    worker->crashed = true;
    last_words_read(text, &facts);
    last_words_tell(&facts, words, sizeof words);
    succession_record(succession, "worker %d: %s", (int)worker->pid, words);
    const struct plugin_file *file = find_culprit(generation, worker, &facts);
    if (!file || !is_ours_to_move(generation->settings, facts.plugin) || quarantine_find(&succession->quarantine, file))
        return;
    last_words_reason(&facts, why, sizeof why);
    if (!confine(succession, file->copy, why)) /* of this build nothing is left but what ends */
        return;
    succession_note(succession,
                    "plugin %s: in quarantine from now on: its auto routes run in host processes: %s; a new build of "
                    "it, run = thread in its block, or postern reload --release %s ends that",
                    facts.plugin, why, facts.plugin);
    int rc = quarantine_add(&succession->quarantine, file, facts.plugin, why);
    if (rc < 0)
        succession_note(succession, "plugin %s: its quarantine will end with the next reload: %s", facts.plugin,
                        strerror(-rc));
}

void verdict_settle(struct succession *succession, const struct generation *generation)
{
    struct quarantine *quarantine = &succession->quarantine;
    for (size_t i = 0; i < quarantine->count;) {
        const struct quarantined *entry = &quarantine->all[i];
        const char *over = quarantine_is_over(entry, &generation->bundle, generation->number);
        if (!over) {
            log_line(NGI_LOG_INFO, "plugin %s: still in quarantine: %s", entry->name, entry->why);
            i++;
            continue;
        }
        log_line(NGI_LOG_INFO, "plugin %s: out of quarantine: %s", entry->name, over);
        succession_record(succession, "plugin %s: out of quarantine: %s", entry->name, over);
        quarantine_remove(quarantine, i);
    }
}

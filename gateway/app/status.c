#include "app/command.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/arguments.h"
#include "app/control_line.h"
#include "base/log.h"

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "-";
}

static long long number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

/* "12 s", "3 min", "5 h", "2 d". */
static const char *duration(const json_t *object, char out[32])
{
    static const struct {
        double seconds;
        const char *unit;
    } units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };
    double seconds = json_number_value(json_object_get(object, "seconds"));
    size_t i = 0;
    while (i < 3 && seconds < 2 * units[i].seconds)
        i++;
    snprintf(out, 32, "%.0f %s", seconds / units[i].seconds, units[i].unit);
    return out;
}

static void print_route(const json_t *route)
{
    const json_t *executor = json_object_get(route, "executor");
    char place[300];
    snprintf(place, sizeof place, "%s %s", text_of(route, "methods"), text_of(route, "pattern"));
    printf("      %-28s %-8s", place, text_of(route, "rung"));
    if (number_of(executor, "threads") > 0)
        printf(" %lld of %lld threads busy, %lld waiting;",
               number_of(executor, "threads") - number_of(executor, "idle"), number_of(executor, "threads"),
               number_of(executor, "waiting"));
    printf(" %s\n", text_of(route, "why"));
}

static void print_hosts(const json_t *hosts)
{
    const char *circuit = text_of(hosts, "circuit");
    if (!hosts)
        return;
    printf(
        "      host processes: %lld of %lld, %lld busy; calls: %lld waiting, %lld ended; %lld recycled, %lld crashed",
        number_of(hosts, "processes"), number_of(hosts, "most"), number_of(hosts, "busy"), number_of(hosts, "waiting"),
        number_of(hosts, "calls"), number_of(hosts, "recycled"), number_of(hosts, "crashed"));
    if (strcmp(circuit, "closed") != 0)
        printf("; circuit %s after %lld failures", circuit, number_of(hosts, "failures"));
    if (json_object_get(hosts, "retry"))
        printf(", tried again in %lld s", number_of(hosts, "retry"));
    printf("\n");
    if (json_object_get(hosts, "last"))
        printf("      the last one to crash: %s\n", text_of(hosts, "last"));
}

static void print_slow(const json_t *slow)
{
    long long head = number_of(slow, "head"), body = number_of(slow, "body"), send = number_of(slow, "send");
    if (head + body + send > 0)
        printf("    slow clients cut: %lld in a head, %lld in a body, %lld that did not take a response\n", head, body,
               send);
}

static void print_worker(const json_t *worker)
{
    const json_t *state = json_object_get(worker, "state"), *plugin, *route;
    char since[32];
    size_t i, j;
    printf("  worker %lld %s, for %s", number_of(worker, "pid"), text_of(worker, "stage"), duration(worker, since));
    if (state)
        printf(": %lld connections, %lld requests under way, %lld ended", number_of(state, "connections"),
               number_of(state, "requests_under_way"), number_of(state, "requests_ended"));
    printf("\n");
    print_slow(json_object_get(state, "slow"));
    if (number_of(state, "refused") > 0)
        printf("    connections refused, as their address had too many: %lld\n", number_of(state, "refused"));
    json_array_foreach(json_object_get(state, "plugins"), i, plugin)
    {
        printf("    plugin %s %s at %s\n", text_of(plugin, "name"), text_of(plugin, "version"),
               text_of(plugin, "mount"));
        print_hosts(json_object_get(plugin, "hosts"));
        json_array_foreach(json_object_get(plugin, "routes"), j, route) print_route(route);
    }
}

static void print_generation(const json_t *generation)
{
    const json_t *item;
    char since[32];
    size_t i;
    long long plugins = number_of(generation, "plugins");
    printf("generation %lld %s, for %s: %lld plugin%s of %s\n", number_of(generation, "number"),
           text_of(generation, "stage"), duration(generation, since), plugins, plugins == 1 ? "" : "s",
           text_of(generation, "directory"));
    if (json_object_get(generation, "why"))
        printf("  %s\n", text_of(generation, "why"));
    json_array_foreach(json_object_get(generation, "listen"), i, item)
        printf("  listening on %s\n", json_string_value(item));
    json_array_foreach(json_object_get(generation, "quarantine"), i, item)
    {
        const char *plugin = json_string_value(json_object_get(item, "plugin")); /* NULL: it has been let go since */
        printf("  in quarantine: %s%s%s%s: %s\n", plugin ? "plugin " : "", plugin ? plugin : "", plugin ? " of " : "",
               text_of(item, "file"), text_of(item, "why"));
    }
    json_array_foreach(json_object_get(generation, "workers"), i, item) print_worker(item);
}

static int print(const char *answer)
{
    const json_t *item;
    json_t *whole = json_loads(answer, 0, NULL);
    size_t i;
    if (!whole) {
        log_line(NGI_LOG_ERROR, "the gateway ended before it could tell");
        return EXIT_REFUSED;
    }
    if (json_object_get(whole, "error")) {
        log_line(NGI_LOG_ERROR, "the gateway says: %s", text_of(whole, "error"));
        json_decref(whole);
        return EXIT_REFUSED;
    }
    printf("postern %s, supervisor %lld%s\n", text_of(whole, "version"), number_of(whole, "pid"),
           json_is_true(json_object_get(whole, "stopping")) ? ", stopping" : "");
    json_array_foreach(json_object_get(whole, "generations"), i, item) print_generation(item);
    if (json_array_size(json_object_get(whole, "events")) > 0)
        printf("what went wrong, the latest last:\n");
    json_array_foreach(json_object_get(whole, "events"), i, item)
    {
        char stamp[32];
        time_t when = (time_t)number_of(item, "time");
        struct tm utc;
        strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&when, &utc));
        printf("  %s %s\n", stamp, text_of(item, "text"));
    }
    json_decref(whole);
    return 0;
}

/* ---------------------------------------------------------------------------------------------------------- */

int command_status(const struct command *command, int argc, char **argv)
{
    struct arguments arguments;
    int status = EXIT_REFUSED;
    if (!arguments_parse(&arguments, command, argc, argv, 0, 0)) {
        status = arguments.status;
    } else {
        char *answer = control_ask(&arguments, "status");
        if (answer && arguments_has(&arguments, "--json") && *answer)
            status = puts(answer) < 0 ? EXIT_REFUSED : 0;
        else if (answer)
            status = print(answer);
        free(answer);
    }
    arguments_free(&arguments);
    return status;
}

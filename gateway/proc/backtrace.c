/* The clean process's side of autopsy.h. The registers are those that the kernel gave to the signal handler, the memory
 * is read through /proc/PID/mem: so the trace begins at the crash, not in its handler, and ptrace(2) is not needed,
 * which systemd's @system-service does not have. */
#include "proc/autopsy.h"

#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "proc/mapped_file.h"

enum { FRAMES_MOST = 64, NAME_MOST = 256 };

struct frame {
    Dwarf_Addr pc;
    bool exact; /* the instruction itself, not the one after a call */
};

struct autopsy {
    Dwfl *dwfl;
    pid_t pid, tid;
    int memory;
    char mark[32]; /* "[id] ", before each line */
    ucontext_t where;
    Dwarf_Addr nowhere; /* what was called, but has no code; -1: nothing */
    struct frame frames[FRAMES_MOST];
    size_t count;
    bool more;
    unsigned number; /* of the next line */
};

/* --- the thread ------------------------------------------------------------------------------------------------ */

static bool read_memory(const struct autopsy *autopsy, uint64_t address, void *to, size_t n)
{
    return pread(autopsy->memory, to, n, (off_t)address) == (ssize_t)n;
}

static bool memory_read(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *ret, void *arg)
{
    unsigned long word; /* of the traced process, whose word is ours */
    (void)dwfl;
    if (!read_memory(arg, address, &word, sizeof word))
        return false;
    *ret = word;
    return true;
}

static pid_t next_thread(Dwfl *dwfl, void *arg, void **thread_arg)
{
    struct autopsy *autopsy = arg;
    (void)dwfl;
    if (*thread_arg)
        return 0;
    *thread_arg = autopsy;
    return autopsy->tid;
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *arg, void **thread_arg)
{
    (void)dwfl, (void)tid;
    *thread_arg = arg;
    return true;
}

/* The file that `address` lies in, NULL: none. (libdwfl counts what is above the last file as that file's.) */
static Dwfl_Module *module_of(const struct autopsy *autopsy, Dwarf_Addr address)
{
    Dwarf_Addr start = 0, end = 0;
    Dwfl_Module *module = dwfl_addrmodule(autopsy->dwfl, address);
    if (module)
        dwfl_module_info(module, NULL, &start, &end, NULL, NULL, NULL, NULL);
    return address >= start && address < end ? module : NULL;
}

/* After a call of a pointer that leads nowhere, the only way on is the return address that the call left at `pc`'s
 * usual place. One less lies within the call. */
static Dwarf_Addr caller_of(struct autopsy *autopsy, Dwarf_Addr pc, Dwarf_Addr return_address)
{
    if (module_of(autopsy, pc) || !module_of(autopsy, return_address - 1))
        return pc;
    autopsy->nowhere = pc;
    return return_address - 1;
}

/* Registers by their numbers in the psABI's chapter on DWARF. */
static bool set_initial_registers(Dwfl_Thread *thread, void *arg)
{
    struct autopsy *autopsy = arg;
    const mcontext_t *machine = &autopsy->where.uc_mcontext;
#if defined(__x86_64__)
    static const int order[] = { REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP,
                                 REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15 };
    enum { STACK_POINTER = 7, RETURN_ADDRESS = 16, COUNT };
    Dwarf_Word registers[COUNT];
    uint64_t top = 0;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        registers[i] = (Dwarf_Word)machine->gregs[order[i]];
    Dwarf_Addr pc = (Dwarf_Addr)machine->gregs[REG_RIP];
    (void)read_memory(autopsy, registers[STACK_POINTER], &top, sizeof top);
    registers[RETURN_ADDRESS] = caller_of(autopsy, pc, top);
    if (registers[RETURN_ADDRESS] != pc)
        registers[STACK_POINTER] += sizeof top;
    return dwfl_thread_state_registers(thread, 0, COUNT, registers);
#elif defined(__aarch64__)
    enum { LINK = 30, STACK_POINTER = 31, COUNT };
    Dwarf_Word registers[COUNT];
    for (size_t i = 0; i < STACK_POINTER; i++)
        registers[i] = machine->regs[i];
    registers[STACK_POINTER] = machine->sp;
    dwfl_thread_state_register_pc(thread, caller_of(autopsy, machine->pc, registers[LINK]));
    return dwfl_thread_state_registers(thread, 0, COUNT, registers);
#else
    (void)thread, (void)machine, (void)caller_of;
    return false; /* a trace wants these few lines for each machine */
#endif
}

static const Dwfl_Thread_Callbacks thread_callbacks = {
    .next_thread = next_thread,
    .get_thread = get_thread,
    .memory_read = memory_read,
    .set_initial_registers = set_initial_registers,
};

static int take_frame(Dwfl_Frame *state, void *arg)
{
    struct autopsy *autopsy = arg;
    struct frame *frame = &autopsy->frames[autopsy->count];
    if (autopsy->count == FRAMES_MOST) {
        autopsy->more = true;
        return DWARF_CB_ABORT;
    }
    if (!dwfl_frame_pc(state, &frame->pc, &frame->exact))
        return DWARF_CB_ABORT;
    autopsy->count++;
    return DWARF_CB_OK;
}

/* --- its files ------------------------------------------------------------------------------------------------- */

/* Plugins are linked from a copy in memory, whose name in /proc/PID/maps leads nowhere. */
static int find_elf(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base, char **ret_path,
                    Elf **ret_elf)
{
    const struct autopsy *autopsy = *userdata;
    int fd = mapped_file_is_copy(name) ? mapped_file_open(autopsy->pid, base) : -1;
    return fd >= 0 ? fd : dwfl_linux_proc_find_elf(module, userdata, name, base, ret_path, ret_elf);
}

/* Gives find_elf its `userdata`, before libdwfl asks for the first file. */
static int give_module(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr start, void *arg)
{
    (void)module, (void)name, (void)start;
    *userdata = arg;
    return DWARF_CB_OK;
}

static bool attach(struct autopsy *autopsy)
{
    static const Dwfl_Callbacks callbacks = {
        .find_elf = find_elf,
        .find_debuginfo = dwfl_standard_find_debuginfo,
    };
    autopsy->dwfl = dwfl_begin(&callbacks);
    if (!autopsy->dwfl || dwfl_linux_proc_report(autopsy->dwfl, autopsy->pid) != 0 ||
        dwfl_report_end(autopsy->dwfl, NULL, NULL) != 0)
        return false;
    dwfl_getmodules(autopsy->dwfl, give_module, autopsy, 0);
    return dwfl_attach_state(autopsy->dwfl, NULL, autopsy->pid, &thread_callbacks, autopsy);
}

/* --- words ----------------------------------------------------------------------------------------------------- */

/* The address that addr2line -e FILE takes. */
static Dwarf_Addr in_file(Dwfl_Module *module, Dwarf_Addr address)
{
    GElf_Addr bias = 0;
    Dwarf_Addr start = 0;
    if (dwfl_module_getelf(module, &bias))
        return address - bias;
    dwfl_module_info(module, NULL, &start, NULL, NULL, NULL, NULL, NULL);
    return address - start;
}

/* "#1 parse at parse.c:12 (thumb.so+0x11d2)", with what is known of it. */
static void print_line(struct autopsy *autopsy, const char *function, const char *file, int line, const char *place)
{
    char source[1024] = "";
    if (file && line > 0)
        snprintf(source, sizeof source, " at %s:%d", file, line);
    if (*source && !function)
        function = "?";
    log_line(NGI_LOG_ERROR, "%s#%u %s%s%s%s%s", autopsy->mark, autopsy->number++, function ? function : "", source,
             function ? " (" : "", place, function ? ")" : "");
}

/* What the debug information has of `pc`: its unit, NULL without one. Clang writes no .debug_aranges, by which
 * dwfl_module_addrdie finds it: then the units are asked one by one. */
static Dwarf_Die *find_unit(Dwfl_Module *module, Dwarf_Addr pc, Dwarf_Addr *bias)
{
    Dwarf_Die *unit = dwfl_module_addrdie(module, pc, bias);
    if (unit)
        return unit;
    while ((unit = dwfl_module_nextcu(module, unit, bias)) != NULL)
        if (dwarf_haspc(unit, pc - *bias) > 0)
            return unit;
    return NULL;
}

/* The file and line that an inlined function was called from. */
static void find_call(Dwarf_Die *unit, Dwarf_Die *inlined, const char **file, int *line)
{
    Dwarf_Files *files;
    Dwarf_Attribute attribute;
    Dwarf_Word value;
    size_t count;
    *file = NULL;
    *line = 0;
    if (dwarf_getsrcfiles(unit, &files, &count) == 0 &&
        dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attribute), &value) == 0)
        *file = dwarf_filesrc(files, value, NULL, NULL);
    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attribute), &value) == 0)
        *line = (int)value;
}

/* A line each for the functions that were inlined at `pc`, an address in the unit's file; then *file and *line are
 * where the first was called. Returns the name of the function that they were inlined into, NULL: none is told. */
static const char *print_inlined(struct autopsy *autopsy, Dwarf_Die *unit, Dwarf_Addr pc, const char **file, int *line,
                                 const char *place)
{
    Dwarf_Die *innermost = NULL, *scopes = NULL;
    Dwarf_Attribute attribute;
    const char *name = NULL;
    int count = 0;
    if (dwarf_getscopes(unit, pc, &innermost) > 0)
        count = dwarf_getscopes_die(innermost, &scopes); /* as they lie in each other, not as they were declared */
    for (int i = 0; i < count; i++) {
        int tag = dwarf_tag(&scopes[i]);
        if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram)
            continue;
        name = dwarf_formstring(dwarf_attr_integrate(&scopes[i], DW_AT_name, &attribute));
        if (tag == DW_TAG_subprogram)
            break;
        print_line(autopsy, name ? name : "?", *file, *line, place);
        find_call(unit, &scopes[i], file, line);
        name = NULL;
    }
    free(scopes);
    free(innermost);
    return name; /* the file's */
}

static void print_frame(struct autopsy *autopsy, const struct frame *frame)
{
    Dwarf_Addr pc = frame->pc - (frame->exact ? 0 : 1);
    Dwfl_Module *module = module_of(autopsy, pc);
    GElf_Sym symbol;
    GElf_Off offset;
    char place[NAME_MOST];
    if (!module) {
        snprintf(place, sizeof place, "0x%llx, where no file is mapped", (unsigned long long)frame->pc);
        print_line(autopsy, NULL, NULL, 0, place);
        return;
    }
    mapped_file_name(dwfl_module_info(module, NULL, NULL, NULL, NULL, NULL, NULL, NULL), place, sizeof place - 24);
    snprintf(place + strlen(place), 24, "+0x%llx", (unsigned long long)in_file(module, frame->pc));
    int line = 0;
    Dwarf_Addr bias = 0;
    Dwarf_Die *unit = find_unit(module, pc, &bias);
    Dwarf_Line *source = unit ? dwarf_getsrc_die(unit, pc - bias) : NULL;
    const char *file = source ? dwarf_linesrc(source, NULL, NULL) : NULL;
    const char *function = dwfl_module_addrinfo(module, pc, &offset, &symbol, NULL, NULL, NULL);
    /* A stripped file's nearest symbol may be any other function's. */
    if (function && offset >= symbol.st_size)
        function = NULL;
    if (source)
        (void)dwarf_lineno(source, &line);
    const char *name = unit ? print_inlined(autopsy, unit, pc - bias, &file, &line, place) : NULL;
    print_line(autopsy, function ? function : name, file, line, place);
}

/* The last of the frames in the same file as frame `from`. */
static size_t last_of_file(const struct autopsy *autopsy, size_t from)
{
    size_t last = from;
    while (last + 1 < autopsy->count &&
           module_of(autopsy, autopsy->frames[last + 1].pc) == module_of(autopsy, autopsy->frames[from].pc))
        last++;
    return last;
}

/* The frame to begin with. Of those in the C library the one that others called is enough: abort, free, exit. */
static size_t first_frame(const struct autopsy *autopsy, enum crash_end end)
{
    size_t first = 0;
    if (end == CRASH_EXIT)
        first = last_of_file(autopsy, first) + 1; /* our own function of atexit */
    if (end != CRASH_FAULT && first < autopsy->count)
        first = last_of_file(autopsy, first);
    return first + 1 < autopsy->count ? first : 0;
}

/* A recursion is a frame again and again: one line will do. */
static void print_frames(struct autopsy *autopsy, enum crash_end end)
{
    if (autopsy->nowhere != (Dwarf_Addr)-1) {
        const struct frame nothing = { autopsy->nowhere, true };
        print_frame(autopsy, &nothing);
    }
    for (size_t i = first_frame(autopsy, end), same; i < autopsy->count; i += same) {
        for (same = 1; i + same < autopsy->count && autopsy->frames[i + same].pc == autopsy->frames[i].pc; same++)
            ;
        print_frame(autopsy, &autopsy->frames[i]);
        if (same > 1)
            log_line(NGI_LOG_ERROR, "%s… and %zu frames more of it", autopsy->mark, same - 1);
    }
    if (autopsy->more)
        log_line(NGI_LOG_ERROR, "%s… and more", autopsy->mark);
}

/* ---------------------------------------------------------------------------------------------------------- */

bool autopsy_perform(pid_t pid, pid_t tid, uintptr_t where, enum crash_end end, const char *incident)
{
    struct autopsy *autopsy = calloc(1, sizeof *autopsy);
    char path[64];
    const char *why = "out of memory";
    if (!autopsy)
        goto out;
    *autopsy = (struct autopsy){ .pid = pid, .tid = tid, .nowhere = (Dwarf_Addr)-1 };
    if (*incident)
        snprintf(autopsy->mark, sizeof autopsy->mark, "[%.16s] ", incident);
    snprintf(path, sizeof path, "/proc/%ld/mem", (long)pid);
    autopsy->memory = open(path, O_RDONLY | O_CLOEXEC);
    why = strerror(errno);
    if (autopsy->memory < 0)
        goto out;
    if (!read_memory(autopsy, where, &autopsy->where, sizeof autopsy->where)) {
        why = "its memory cannot be read";
        goto out;
    }
    /* Network and cache of debuginfod are no business of a process that waits to die. */
    unsetenv("DEBUGINFOD_URLS");
    if (attach(autopsy))
        (void)dwfl_getthread_frames(autopsy->dwfl, tid, take_frame, autopsy); /* it fails where the trace ends early */
    why = NULL;
    if (autopsy->count > 0)
        print_frames(autopsy, end);
    else if ((why = dwfl_errmsg(-1)) == NULL)
        why = "libdw does not say why";
out:
    if (why)
        log_line(NGI_LOG_ERROR, "no backtrace: process %ld: %s", (long)pid, why);
    if (autopsy) {
        dwfl_end(autopsy->dwfl);
        if (autopsy->memory > 0)
            close(autopsy->memory);
    }
    free(autopsy);
    return !why;
}

#include "elf/machine.h"

#include <elf.h>
#include <stddef.h>

static const struct elf_machine table[] = {
    { EM_X86_64, "x86-64", R_X86_64_RELATIVE, R_X86_64_64 },
    { EM_AARCH64, "aarch64", R_AARCH64_RELATIVE, R_AARCH64_ABS64 },
    { EM_386, "i386", R_386_RELATIVE, R_386_32 },
    { EM_ARM, "arm", R_ARM_RELATIVE, R_ARM_ABS32 },
    { EM_RISCV, "riscv", R_RISCV_RELATIVE, sizeof(void *) == 8 ? R_RISCV_64 : R_RISCV_32 },
    { EM_PPC64, "powerpc64", R_PPC64_RELATIVE, R_PPC64_ADDR64 },
    { EM_PPC, "powerpc", R_PPC_RELATIVE, R_PPC_ADDR32 },
    { EM_S390, "s390x", R_390_RELATIVE, R_390_64 },
    { 258 /* EM_LOONGARCH, unknown to older elf.h */, "loongarch", 3, 2 },
    { EM_MIPS, "mips", 0, 0 },
    { EM_SPARCV9, "sparc64", R_SPARC_RELATIVE, R_SPARC_64 },
    { EM_SPARC, "sparc", R_SPARC_RELATIVE, R_SPARC_32 },
    { EM_ALPHA, "alpha", R_ALPHA_RELATIVE, R_ALPHA_REFQUAD },
    { EM_68K, "m68k", R_68K_RELATIVE, R_68K_32 },
    { EM_SH, "sh", R_SH_RELATIVE, R_SH_DIR32 },
    { EM_PARISC, "hppa", 0, 0 },
    { EM_IA_64, "ia64", 0, 0 },
    { EM_BPF, "bpf", 0, 0 },
    { EM_CUDA, "an NVIDIA GPU", 0, 0 },
    { EM_AMDGPU, "an AMD GPU", 0, 0 },
};

/* ---------------------------------------------------------------------------------------------------------- */

const struct elf_machine *elf_machine_of(uint16_t number)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].number == number)
            return &table[i];
    return NULL;
}

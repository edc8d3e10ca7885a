libpostern_a_SOURCES += \
	gateway/elf/header.c gateway/elf/header.h \
	gateway/elf/image.c gateway/elf/image.h \
	gateway/elf/library_path.c gateway/elf/library_path.h \
	gateway/elf/machine.c gateway/elf/machine.h \
	gateway/elf/pointers.c gateway/elf/pointers.h \
	gateway/elf/symbols.c gateway/elf/symbols.h

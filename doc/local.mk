dist_doc_DATA += README.md CHANGES sdk/NGI.md doc/TUTORIAL.md doc/OPERATING.md doc/THREATS.md
EXTRA_DIST += doc/ARCHITECTURE.md doc/HACKING.md doc/PLACEMENT.md doc/postern.1.in

# The manual page lists the settings from their own table.
noinst_PROGRAMS += doc/settings_mdoc
doc_settings_mdoc_SOURCES = doc/settings_mdoc.c
doc_settings_mdoc_LDADD = $(POSTERN_LIBS)

nodist_man_MANS = doc/postern.1
CLEANFILES += doc/postern.1
doc/postern.1: doc/postern.1.in doc/settings_mdoc
	$(AM_V_GEN)doc/settings_mdoc | \
	sed -e '/^@SETTINGS@$$/{r /dev/stdin' -e 'd;}' $(top_srcdir)/doc/postern.1.in >$@.tmp && mv $@.tmp $@

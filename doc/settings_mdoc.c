/* Prints the settings as list items of a manual page: see doc/local.mk. */
#include "conf/settings.h"

int main(void)
{
    settings_describe_mdoc(stdout);
    return fflush(stdout) == 0 ? 0 : 1;
}

/* isolated - a route that wants to run where it cannot harm the gateway, and one that does not mind; each tells which
 * process it is in. */
#include <ngi.h>
#include <unistd.h>

static int tell(ngi_request *r)
{
    return ngi_textf(r, 200, "%ld\n", (long)getpid());
}

NGI_PLUGIN("isolated", "1.0", NGI_ROUTE(NGI_GET, "/danger", tell, NGI_ISOLATE), NGI_ROUTE(NGI_GET, "/", tell))

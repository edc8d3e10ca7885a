/* @NAME@: greets.
 *
 *     postern run @NAME@.so    curl 'http://127.0.0.1:8080/?name=you'
 *     postern serve            curl 'http://127.0.0.1:8080/@NAME@/?name=you'
 */
#include <ngi.h>

static int greet(ngi_request *r)
{
    return ngi_textf(r, 200, "Hello, %s!\n", ngi_query(r, "name", "world"));
}

NGI_PLUGIN("@NAME@", "0.1",
           NGI_ROUTE(NGI_GET, "/", greet))

/* hello - the smallest plugin: one handler, one route, in plain C99.
 *
 *     GET /    greets; ?name= says whom
 *
 *     curl 'localhost:8080/hello/?name=Ada'
 */
#include <ngi.h>

static int hello(ngi_request *r)
{
    return ngi_textf(r, 200, "Hello, %s!\n", ngi_query(r, "name", "world"));
}

NGI_PLUGIN("hello", "1.0", NGI_ROUTE(NGI_GET, "/", hello))

/* routes - every kind of pattern; each handler says which one it is and what it was told. */
#include <ngi.h>

static int root(ngi_request *r)
{
    return ngi_text(r, 200, "root\n");
}

static int any(ngi_request *r)
{
    return ngi_textf(r, 200, "any %s\n", r->method);
}

static int both(ngi_request *r)
{
    return ngi_textf(r, 200, "both %s\n", r->method);
}

static int me(ngi_request *r)
{
    return ngi_text(r, 200, "me\n");
}

static int user(ngi_request *r)
{
    return ngi_textf(r, 200, "user %s\n", ngi_param(r, "id"));
}

static int post(ngi_request *r)
{
    return ngi_textf(r, 200, "post %s of %s\n", ngi_param(r, "post"), ngi_param(r, "id"));
}

static int item(ngi_request *r)
{
    return ngi_textf(r, 200, "item %s\n", ngi_param(r, "1"));
}

static int date(ngi_request *r)
{
    return ngi_textf(r, 200, "year %s is %s, month %s is %s\n", ngi_param(r, "year"), ngi_param(r, "1"),
                     ngi_param(r, "month"), ngi_param(r, "2"));
}

static int optional(ngi_request *r)
{
    return ngi_textf(r, 200, "a %s, b %s, c %s\n", ngi_param(r, "1") ? "yes" : "no", ngi_param(r, "2") ? "yes" : "no",
                     ngi_param(r, "3") ? "yes" : "no");
}

/* What became of the target. */
static int path(ngi_request *r)
{
    return ngi_textf(r, 200, "%s|%s|%s|%s|%s\n", ngi_param(r, "rest"), r->path, ngi_env(r, "SCRIPT_NAME"),
                     ngi_env(r, "PATH_INFO"), ngi_env(r, "REQUEST_URI"));
}

NGI_PLUGIN("routes", "1.0", NGI_ROUTE(NGI_GET, "/", root), NGI_ROUTE(NGI_ANY, "/any", any),
           NGI_ROUTE(NGI_POST | NGI_PUT, "/both", both), NGI_ROUTE(NGI_DELETE, "/both", both),
           NGI_ROUTE(NGI_GET, "/users/{id}", user), NGI_ROUTE(NGI_GET, "/users/me", me),
           NGI_ROUTE(NGI_GET, "/users/{id}/posts/{post}", post), NGI_ROUTE(NGI_GET, "/path/{rest...}", path),
           NGI_ROUTE(NGI_GET, "~^/item/(\\d+)$", item),
           NGI_ROUTE(NGI_GET, "~^/date/(?<year>\\d{4})-(?<month>\\d\\d)$", date),
           NGI_ROUTE(NGI_GET, "~^/optional/(a)?(b)$", optional))

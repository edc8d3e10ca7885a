#include "base/network.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "sdk/ngi.h"

enum { MAPPED = 96 }; /* bits before the IPv4 address in an IPv4-mapped one */

static unsigned bits_of(const struct address *address)
{
    return address->family == AF_INET ? 32 : 128;
}

/* Whether the first `bits` of both are the same. */
static bool begins_alike(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned bytes = bits / 8, rest = bits % 8;
    return memcmp(a, b, bytes) == 0 && (rest == 0 || ((a[bytes] ^ b[bytes]) & (0xff00u >> rest) & 0xff) == 0);
}

static void clear_behind(struct address *address, unsigned bits)
{
    for (unsigned i = bits; i < 128; i++)
        address->bytes.s6_addr[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
}

/* The prefix length behind the '/'; false, with the reason, if it is none for that address. */
static bool parse_prefix(const char *text, const char *address_text, struct network *network,
                         char wrong[NETWORK_MISTAKE])
{
    const unsigned most = bits_of(&network->address);
    const bool mapped = most == 32 && strchr(address_text, ':');
    uint64_t prefix;
    if (!*text || strlen(text) > 3 || !text_to_uint64(text, &prefix)) {
        snprintf(wrong, NETWORK_MISTAKE, "has no prefix length behind its /");
        return false;
    }
    if (mapped && prefix < MAPPED) {
        snprintf(wrong, NETWORK_MISTAKE, "has an IPv4-mapped address, and a prefix length below 96");
        return false;
    }
    prefix -= mapped ? MAPPED : 0;
    if (prefix > most) {
        snprintf(wrong, NETWORK_MISTAKE, "has a prefix length of more than %u", mapped ? 128 : most);
        return false;
    }
    network->prefix = (unsigned)prefix;
    return true;
}

/* ---------------------------------------------------------------------------------------------------------- */

bool network_parse(const char *text, struct network *ret, char wrong[NETWORK_MISTAKE])
{
    struct network network;
    char address[INET6_ADDRSTRLEN];
    const char *slash = strchr(text, '/');
    if (strcmp(text, "unix:") == 0) {
        *ret = (struct network){ .address = { .family = AF_UNIX } };
        return true;
    }
    if (text_has_prefix(text, "unix:")) {
        snprintf(wrong, NETWORK_MISTAKE, "has more behind unix:");
        return false;
    }
    if (!address_from_text(text, slash ? (size_t)(slash - text) : strlen(text), &network.address)) {
        snprintf(wrong, NETWORK_MISTAKE, "%s",
                 !*text  ? "is empty"
                 : slash ? "has no address before its /"
                         : "is no address");
        return false;
    }
    network.prefix = bits_of(&network.address);
    if (slash && !parse_prefix(slash + 1, text, &network, wrong))
        return false;
    struct address begin = network.address;
    clear_behind(&begin, network.prefix);
    if (!address_equal(&begin, &network.address)) {
        address_print(&begin, address);
        snprintf(wrong, NETWORK_MISTAKE, "has bits set behind its prefix: the network is %s/%u", address,
                 network.prefix);
        return false;
    }
    *ret = network;
    return true;
}

bool network_has(const struct network *network, const struct address *address)
{
    return network->address.family == address->family &&
           begins_alike(network->address.bytes.s6_addr, address->bytes.s6_addr, network->prefix);
}

int networks_new(struct networks *ret, const char *const *texts, size_t count)
{
    char wrong[NETWORK_MISTAKE];
    struct networks networks = { .count = count };
    if (count > 0 && !(networks.all = calloc(count, sizeof *networks.all)))
        return NGI_ENOMEM;
    for (size_t i = 0; i < count; i++)
        if (!network_parse(texts[i], &networks.all[i], wrong)) {
            networks_free(&networks);
            return NGI_EINVAL;
        }
    *ret = networks;
    return NGI_OK;
}

void networks_free(struct networks *networks)
{
    free(networks->all);
    *networks = (struct networks){ 0 };
}

bool networks_have(const struct networks *networks, const struct address *address)
{
    for (size_t i = 0; i < networks->count; i++)
        if (network_has(&networks->all[i], address))
            return true;
    return false;
}

bool networks_have_socket(const struct networks *networks, const struct sockaddr *socket)
{
    struct address address;
    return networks->count > 0 && address_from_socket(socket, &address) && networks_have(networks, &address);
}

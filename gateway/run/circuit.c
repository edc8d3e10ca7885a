#include "run/circuit.h"

/* The first failure may be chance: no pause after it. */
static int64_t pause_between(unsigned failures)
{
    return failures < 2 ? 0 : (INT64_C(1000) * CIRCUIT_AGAIN_MS) << (failures - 2);
}

/* ---------------------------------------------------------------------------------------------------------- */

bool circuit_fail(struct circuit *circuit, int64_t now_us)
{
    if (circuit->open && !circuit->probing && now_us - circuit->since_us < circuit->pause_us)
        return false; /* the rest of what opened it */
    if (circuit->failures < CIRCUIT_FAILURES)
        circuit->failures++;
    circuit->since_us = now_us;
    if (!circuit->open && circuit->failures < CIRCUIT_FAILURES)
        return false;
    circuit->pause_us = circuit->open ? 2 * circuit->pause_us : INT64_C(1000) * CIRCUIT_PAUSE_MS;
    if (circuit->pause_us > INT64_C(1000) * CIRCUIT_PAUSE_MOST_MS)
        circuit->pause_us = INT64_C(1000) * CIRCUIT_PAUSE_MOST_MS;
    circuit->open = true;
    circuit->probing = false;
    return true;
}

bool circuit_succeed(struct circuit *circuit)
{
    bool closes = circuit->open;
    if (circuit->failures > 0)
        *circuit = (struct circuit){ 0 };
    return closes;
}

bool circuit_admits(struct circuit *circuit, int64_t now_us)
{
    if (!circuit->open)
        return true;
    /* A probe may have been given up before it had found anything out. */
    if (now_us - circuit->since_us < circuit->pause_us)
        return false;
    circuit->probing = true;
    circuit->since_us = now_us;
    return true;
}

int64_t circuit_wait_us(const struct circuit *circuit, int64_t now_us)
{
    if (circuit->probing)
        return 0;
    int64_t left = circuit->since_us + (circuit->open ? circuit->pause_us : pause_between(circuit->failures)) - now_us;
    return circuit->failures == 0 || left < 0 ? 0 : left;
}

const char *circuit_name(const struct circuit *circuit)
{
    return !circuit->open ? "closed" : circuit->probing ? "probing" : "open";
}

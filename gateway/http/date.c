#include "http/date.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "sdk/ngi.h"

/* strptime and strftime follow the locale, and gmtime_r takes a lock in glibc: hence the few lines of calendar here. */

enum { DAY_SECONDS = 86400 };

struct moment {
    int year, month, day, hour, minute, second; /* month and day from 1 */
};

static const char *const weekdays[] = {
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
};
static const char *const months[] = {
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
};

/* The three forms of RFC 9110 section 5.6.7, in the letters of strptime. */
static const char *const forms[] = {
    "%a, %d %b %Y %H:%M:%S GMT", /* IMF-fixdate */
    "%A, %d-%b-%y %H:%M:%S GMT", /* RFC 850 */
    "%a %b %e %H:%M:%S %Y",      /* asctime */
};

/* Days and dates by Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms": years begin in March, so that the
 * leap day is the last, and come in eras of 400 years = 146097 days. Day 0 is 1970-01-01; years from 1 on. */
static int64_t days_of(int year, int month, int day)
{
    year -= month <= 2;
    int era = year / 400, of_era = year % 400;
    int of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return (int64_t)era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of(int64_t days, struct moment *ret)
{
    int64_t from_march = days + 719468;
    int era = (int)(from_march / 146097), of_era = (int)(from_march % 146097);
    int year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int of_year = of_era - (365 * year + year / 4 - year / 100);
    int month = (5 * of_year + 2) / 153;
    ret->day = of_year - (153 * month + 2) / 5 + 1;
    ret->month = month < 10 ? month + 3 : month - 9;
    ret->year = year + era * 400 + (ret->month <= 2);
}

/* The nearest moment in the years 1 to 9999; returns its day, from 1970-01-01. */
static int64_t moment_of(int64_t seconds, struct moment *ret)
{
    const int64_t first = days_of(1, 1, 1) * DAY_SECONDS, end = days_of(10000, 1, 1) * DAY_SECONDS;
    seconds = seconds < first ? first : seconds >= end ? end - 1 : seconds;
    int of_day = (int)((seconds % DAY_SECONDS + DAY_SECONDS) % DAY_SECONDS);
    int64_t days = (seconds - of_day) / DAY_SECONDS;
    date_of(days, ret);
    ret->hour = of_day / 3600;
    ret->minute = of_day / 60 % 60;
    ret->second = of_day % 60;
    return days;
}

static bool is_possible(const struct moment *when)
{
    static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = when->year % 4 == 0 && (when->year % 100 != 0 || when->year % 400 == 0);
    /* 60 is a leap second; it reads as the second after. */
    return when->year >= 1 && when->day >= 1 && when->day <= lengths[when->month - 1] + (leap && when->month == 2) &&
           when->hour <= 23 && when->minute <= 59 && when->second <= 60;
}

static char *put_number(char *out, int value, int digits)
{
    for (int i = digits - 1; i >= 0; i--, value /= 10)
        out[i] = (char)('0' + value % 10);
    return out + digits;
}

static bool take_number(const char **text, int digits, int *ret)
{
    int value = 0;
    for (int i = 0; i < digits; i++, ++*text) {
        if (**text < '0' || **text > '9')
            return false;
        value = value * 10 + (**text - '0');
    }
    *ret = value;
    return true;
}

/* One of `names`, its first `length` letters (0: all); *ret counts from 1. Case matters (RFC 9110 section 5.6.7). */
static bool take_name(const char **text, const char *const names[], int count, size_t length, int *ret)
{
    for (int i = 0; i < count; i++) {
        size_t n = length ? length : strlen(names[i]);
        if (strncmp(*text, names[i], n) == 0) {
            *text += n;
            *ret = i + 1;
            return true;
        }
    }
    return false;
}

/* The latest year with these two last digits that is not over 50 years ahead (RFC 9110 section 5.6.7). */
static int year_of_two_digits(int digits)
{
    struct moment now;
    date_of(time(NULL) / DAY_SECONDS, &now);
    int latest = now.year + 50;
    return latest - ((latest - digits) % 100 + 100) % 100;
}

static bool take(const char **text, char what, struct moment *ret)
{
    int weekday; /* must be one; that it is the right one adds nothing to the date */
    switch (what) {
    case 'a': return take_name(text, weekdays, 7, 3, &weekday);
    case 'A': return take_name(text, weekdays, 7, 0, &weekday);
    case 'b': return take_name(text, months, 12, 3, &ret->month);
    case 'd': return take_number(text, 2, &ret->day);
    case 'e': /* asctime pads the day with a space */
        if (**text != ' ')
            return take_number(text, 2, &ret->day);
        ++*text;
        return take_number(text, 1, &ret->day);
    case 'Y': return take_number(text, 4, &ret->year);
    case 'y':
        if (!take_number(text, 2, &ret->year))
            return false;
        ret->year = year_of_two_digits(ret->year);
        return true;
    case 'H': return take_number(text, 2, &ret->hour);
    case 'M': return take_number(text, 2, &ret->minute);
    case 'S': return take_number(text, 2, &ret->second);
    default: return false;
    }
}

static bool scan(const char *text, const char *form, struct moment *ret)
{
    for (; *form; form++) {
        if (*form == '%') {
            if (!take(&text, *++form, ret))
                return false;
        } else if (*text++ != *form) {
            return false;
        }
    }
    return *text == '\0';
}

/* ---------------------------------------------------------------------------------------------------------- */

void http_date_format(int64_t seconds, char out[HTTP_DATE_SIZE])
{
    struct moment when;
    int64_t days = moment_of(seconds, &when);

    /* 1970-01-01 was a Thursday; the days of year 1 are some 719,000 before it, and 719,999 is a multiple of 7. */
    out = mempcpy(out, weekdays[(days + 4 + 719999) % 7], 3);
    out = put_number(mempcpy(out, ", ", 2), when.day, 2);
    *out++ = ' ';
    out = mempcpy(out, months[when.month - 1], 3);
    *out++ = ' ';
    out = put_number(out, when.year, 4);
    *out++ = ' ';
    out = put_number(out, when.hour, 2);
    *out++ = ':';
    out = put_number(out, when.minute, 2);
    *out++ = ':';
    out = put_number(out, when.second, 2);
    memcpy(out, " GMT", sizeof " GMT");
}

void compact_date_format(int64_t seconds, char out[COMPACT_DATE_SIZE])
{
    struct moment when;
    moment_of(seconds, &when);
    out = put_number(out, when.year, 4);
    out = put_number(out, when.month, 2);
    out = put_number(out, when.day, 2);
    *out++ = 'T';
    out = put_number(out, when.hour, 2);
    out = put_number(out, when.minute, 2);
    out = put_number(out, when.second, 2);
    memcpy(out, "Z", sizeof "Z");
}

int http_date_parse(const char *text, int64_t *ret_seconds)
{
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct moment when = { 0 };
        if (!scan(text, forms[i], &when))
            continue;
        if (!is_possible(&when))
            break;
        *ret_seconds =
            days_of(when.year, when.month, when.day) * DAY_SECONDS + when.hour * 3600 + when.minute * 60 + when.second;
        return NGI_OK;
    }
    return NGI_EPARSE;
}

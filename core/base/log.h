/* log: one line per fact on standard error, with level, program and blame prefix.
 *
 * Owner: the process; log_init() once before threads start. log_write() may be called from any
 * thread: a line is formatted into a bounded buffer and leaves in one write(2).
 * Control characters and bytes that are no UTF-8 are escaped, so a remote string cannot forge lines. */
#ifndef CALLBOX_BASE_LOG_H
#define CALLBOX_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* program: borrowed for the life of the process. */
void log_init(const char *program, enum log_level level);
bool log_enabled(enum log_level level);
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Name of a level ("error" …) and back; -EINVAL for an unknown name. */
const char *log_level_name(enum log_level level);
int log_level_parse(const char *name, enum log_level *ret_level);

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* Logs only the first time this line of code is reached. */
#define log_once(level, ...)                                                                       \
	do {                                                                                       \
		static int said_;                                                                  \
		if (!__atomic_exchange_n(&said_, 1, __ATOMIC_RELAXED))                             \
			log_write(level, __VA_ARGS__);                                             \
	} while (0)

#endif

// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdarg.h>
#include <zlib.h>

#include <linux/kernel.h>
#include <linux/string.h>

#include "idmap.h"
#include "memory.h"
#include "reader.h"

#define READ_STEP	(1UL << 20)

/**
 * struct cursor - a place in a text
 * @at: next character
 * @end: end of the text
 * @stop: end of the line
 * @line: number of the line
 * @error: filled in by complain()
 */
struct cursor {
	const char *at;
	const char *end;
	const char *stop;
	unsigned long line;
	struct reader_error *error;
};

static bool complain(struct reader_error *error, unsigned long line, const char *format, ...)
	__attribute__((__format__(printf, 3, 4)));

/* Fill in @error. Always returns false, for callers to return. */
static bool complain(struct reader_error *error, unsigned long line, const char *format, ...)
{
	va_list args;

	error->line = line;
	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	return false;
}

/* === Lines ============================================================== */

static void cursor_init(struct cursor *cursor, const char *text, size_t size,
			struct reader_error *error)
{
	cursor->at = text;
	cursor->end = text + size;
	cursor->stop = text;
	cursor->line = 0;
	cursor->error = error;
}

/* Go to the next line. Returns false at the end of the text. */
static bool next_line(struct cursor *cursor)
{
	if (cursor->line)
		cursor->at = cursor->stop + 1;
	/* The last line may lack its newline; it ends at the end of the text. */
	if (cursor->at >= cursor->end)
		return false;
	cursor->stop = memchr(cursor->at, '\n', cursor->end - cursor->at);
	if (!cursor->stop)
		cursor->stop = cursor->end;
	cursor->line++;
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void skip_blanks(struct cursor *cursor)
{
	while (cursor->at < cursor->stop && is_blank(*cursor->at))
		cursor->at++;
}

/* Is the rest of this line blank? */
static bool line_done(struct cursor *cursor)
{
	skip_blanks(cursor);
	return cursor->at == cursor->stop;
}

static bool is_comment(struct cursor *cursor)
{
	return line_done(cursor) || *cursor->at == '#';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Read a number of at most @max. Error messages call it @what. */
static bool get_number(struct cursor *cursor, const char *what, u64 max, u64 *value)
{
	const char *from;

	skip_blanks(cursor);
	from = cursor->at;
	*value = 0;
	while (cursor->at < cursor->stop && is_digit(*cursor->at)) {
		unsigned int digit = *cursor->at++ - '0';

		if (digit > max || *value > (max - digit) / 10)
			return complain(cursor->error, cursor->line, "%s is larger than %llu",
					what, max);
		*value = 10 * *value + digit;
	}
	if (cursor->at == from)
		return complain(cursor->error, cursor->line, "%s is missing or not a number",
				what);
	if (cursor->at < cursor->stop && !is_blank(*cursor->at))
		return complain(cursor->error, cursor->line, "%s is not a number", what);
	return true;
}

static bool get_end(struct cursor *cursor)
{
	if (line_done(cursor))
		return true;
	return complain(cursor->error, cursor->line, "more on the line than expected");
}

/* Read the letter of the call. */
static bool get_call(struct cursor *cursor, bool *is_free)
{
	char call = *cursor->at++;

	*is_free = call == 'f';
	if ((call == 'a' || call == 'f') &&
	    (cursor->at == cursor->stop || is_blank(*cursor->at)))
		return true;
	return complain(cursor->error, cursor->line, "expected 'a' (allocate) or 'f' (free)");
}

static bool get_npages(struct cursor *cursor, u64 max, u64 *npages)
{
	if (!get_number(cursor, "number of pages", max, npages))
		return false;
	return *npages || complain(cursor->error, cursor->line, "number of pages is 0");
}

/* === Oracle vectors ===================================================== */

static bool oracle_header(struct oracle *oracle, struct cursor *cursor)
{
	static const char word[] = "pages";
	u64 pages;

	if (!next_line(cursor))
		return complain(cursor->error, 1, "empty, expected '# pages N'");
	skip_blanks(cursor);
	if (cursor->at < cursor->stop && *cursor->at == '#')
		cursor->at++;
	skip_blanks(cursor);
	if ((size_t)(cursor->stop - cursor->at) < strlen(word) ||
	    memcmp(cursor->at, word, strlen(word)))
		return complain(cursor->error, cursor->line, "expected '# pages N'");
	cursor->at += strlen(word);
	if (!get_npages(cursor, READER_MAX_PAGES, &pages) || !get_end(cursor))
		return false;
	oracle->pages = pages;
	return true;
}

static bool oracle_answer(struct cursor *cursor, struct oracle_op *op, unsigned long pages)
{
	u64 page;

	skip_blanks(cursor);
	if (cursor->stop - cursor->at >= 2 && !memcmp(cursor->at, "-1", 2)) {
		cursor->at += 2;
		op->page = -1;
		return true;
	}
	if (!get_number(cursor, "page index", pages - 1, &page))
		return false;
	op->page = page;
	return true;
}

static bool oracle_line(struct cursor *cursor, struct oracle_op *op, unsigned long pages)
{
	u64 npages, page;

	if (!get_call(cursor, &op->is_free))
		return false;
	op->line = cursor->line;
	if (op->is_free) {
		if (!get_number(cursor, "page index", pages - 1, &page))
			return false;
		op->page = page;
	}
	if (!get_npages(cursor, READER_MAX_PAGES, &npages))
		return false;
	op->npages = npages;
	if (!op->is_free && !oracle_answer(cursor, op, pages))
		return false;
	if (op->page >= 0 && op->npages > pages - op->page)
		return complain(cursor->error, cursor->line, "reaches beyond page %lu", pages);
	return get_end(cursor);
}

bool oracle_parse(struct oracle *oracle, const char *text, size_t size,
		  struct reader_error *error)
{
	struct cursor cursor;
	size_t room = 0;

	memset(oracle, 0, sizeof(*oracle));
	cursor_init(&cursor, text, size, error);
	if (!oracle_header(oracle, &cursor))
		return false;
	while (next_line(&cursor)) {
		if (is_comment(&cursor))
			continue;
		if (oracle->nr_ops == room) {
			room = 2 * room + 64;
			oracle->op = memory_enlarge(oracle->op, room * sizeof(*oracle->op));
		}
		if (!oracle_line(&cursor, &oracle->op[oracle->nr_ops], oracle->pages)) {
			oracle_drop(oracle);
			return false;
		}
		oracle->nr_ops++;
	}
	return true;
}

void oracle_drop(struct oracle *oracle)
{
	free(oracle->op);
	memset(oracle, 0, sizeof(*oracle));
}

/* === Traces ============================================================= */

/**
 * struct slots - slots of the ids of a trace
 * @map: slots of live ids
 * @vacant: slots of freed ids, to be used again
 * @nr_vacant: number of @vacant slots
 * @live: pages in live spans
 */
struct slots {
	struct idmap map;
	u32 *vacant;
	size_t nr_vacant;
	u64 live;
};

static void slots_open(struct slots *slots, struct trace *trace, u64 id, struct trace_op *op)
{
	size_t room = 2 * trace->nr_slots + 2;

	if (slots->nr_vacant) {
		op->slot = slots->vacant[--slots->nr_vacant];
	} else {
		op->slot = trace->nr_slots++;
		/* All slots may become vacant. Enlarge @vacant whenever their number doubles. */
		if (!(op->slot & (op->slot - 1)))
			slots->vacant = memory_enlarge(slots->vacant, room * sizeof(u32));
	}
	idmap_add(&slots->map, id, op->slot, op->npages);
	slots->live += op->npages;
}

static bool trace_line(struct cursor *cursor, struct trace *trace, struct slots *slots,
		       struct trace_op *op)
{
	struct idmap_entry *entry;
	u64 id, npages = 0;
	bool is_free;

	if (!get_call(cursor, &is_free) || !get_number(cursor, "id", ~0ULL, &id))
		return false;
	if (!is_free && !get_npages(cursor, READER_MAX_LIVE, &npages))
		return false;
	if (!get_end(cursor))
		return false;
	entry = idmap_find(&slots->map, id);
	if (!is_free && entry)
		return complain(cursor->error, cursor->line,
				"id %llu is allocated while it is live", id);
	if (is_free && !entry)
		return complain(cursor->error, cursor->line,
				"id %llu is freed but not live", id);
	if (npages > READER_MAX_LIVE - slots->live)
		return complain(cursor->error, cursor->line,
				"more than %lu pages are live", READER_MAX_LIVE);
	op->npages = npages;
	if (!is_free) {
		slots_open(slots, trace, id, op);
		return true;
	}
	op->slot = entry->slot;
	slots->live -= entry->npages;
	slots->vacant[slots->nr_vacant++] = entry->slot;
	idmap_delete(&slots->map, entry);
	return true;
}

static bool trace_lines(struct trace *trace, struct cursor *cursor, struct slots *slots)
{
	size_t room = 0;

	while (next_line(cursor)) {
		if (is_comment(cursor))
			continue;
		if (trace->nr_ops == room) {
			room = 2 * room + 64;
			trace->op = memory_enlarge(trace->op, room * sizeof(*trace->op));
		}
		if (!trace_line(cursor, trace, slots, &trace->op[trace->nr_ops]))
			return false;
		trace->nr_ops++;
	}
	return true;
}

bool trace_parse(struct trace *trace, const char *text, size_t size, struct reader_error *error)
{
	struct slots slots = {};
	struct cursor cursor;
	bool valid;

	memset(trace, 0, sizeof(*trace));
	cursor_init(&cursor, text, size, error);
	valid = trace_lines(trace, &cursor, &slots);
	idmap_drop(&slots.map);
	free(slots.vacant);
	if (!valid)
		trace_drop(trace);
	return valid;
}

void trace_drop(struct trace *trace)
{
	free(trace->op);
	memset(trace, 0, sizeof(*trace));
}

/* === Files ============================================================== */

static void read_all(gzFile file, char **text, size_t *size)
{
	size_t room = 0;
	int got;

	do {
		if (room - *size < READ_STEP) {
			room = 2 * room + READ_STEP;
			*text = memory_enlarge(*text, room);
		}
		got = gzread(file, *text + *size, READ_STEP);
		*size += got > 0 ? got : 0;
	} while (got > 0);
}

bool reader_load(const char *path, char **text, size_t *size, struct reader_error *error)
{
	gzFile file = gzopen(path, "rb");
	bool valid;
	int status;

	*text = NULL;
	*size = 0;
	if (!file)
		return complain(error, 0, "cannot open: %s", strerror(errno));
	/* zlib reads files that are not compressed as they are. */
	read_all(file, text, size);
	gzerror(file, &status);
	if (status == Z_OK || status == Z_STREAM_END)
		valid = true;
	else if (status == Z_ERRNO)
		valid = complain(error, 0, "cannot read: %s", strerror(errno));
	else if (status == Z_BUF_ERROR)
		valid = complain(error, 0, "the compressed file breaks off");
	else
		valid = complain(error, 0, "the compressed file is damaged");
	gzclose_r(file);
	if (!valid)
		free(*text);
	return valid;
}

bool oracle_load(struct oracle *oracle, const char *path, struct reader_error *error)
{
	size_t size;
	char *text;
	bool valid;

	if (!reader_load(path, &text, &size, error))
		return false;
	valid = oracle_parse(oracle, text, size, error);
	free(text);
	return valid;
}

bool trace_load(struct trace *trace, const char *path, struct reader_error *error)
{
	size_t size;
	char *text;
	bool valid;

	if (!reader_load(path, &text, &size, error))
		return false;
	valid = trace_parse(trace, text, size, error);
	free(text);
	return valid;
}

/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_JSON_H
#define HOST_JSON_H

#include <stdio.h>

/* Write @text in quotes. Bytes beyond ASCII stay as they are, which is right for UTF-8. */
static inline void json_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		unsigned char c = *text;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < ' ')
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

#endif /* HOST_JSON_H */

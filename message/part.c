/* A walk over the parts of a message (RFC 2046 section 5.1).
 *
 * The old body is read line by line. Invariant: the new one, behind `start` in the store, stands
 * for the old one up to `copied`; what lies between there and the line under way is only copied
 * when something behind it has to be written differently. A stack of the multiparts and messages
 * that are open, bounded in depth, is all that is remembered of those before. */
#include "message/part.h"

#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "message/field.h"
#include "message/lines.h"

enum { BLOCK_SIZE = 64 * 1024 };

/* A multipart or a message that is open. */
struct level {
    char boundary[ENTITY_BOUNDARY_LIMIT + 1]; /* "" in a message */
    bool is_digest;
    bool begun;        /* a boundary has come */
    bool closed;       /* and the last one */
    bool left_8bit;    /* something in it stays 8-bit */
    uint64_t label_at; /* the '7' of its Content-Transfer-Encoding, if it was written anew; or 0 */
};

enum place { IN_HEADER, IN_BODY, AROUND };

struct walk {
    struct message *message;
    struct part_report *report;
    struct error *error;
    bool eight_bit;
    struct level levels[PART_DEPTH];
    size_t depth;

    enum place place;
    struct extent header;  /* of the part under way */
    struct survey fields;  /* what its octets are like */
    struct entity entity;  /* what it says, once it is complete */
    uint64_t content;      /* where the part's body, or the stretch around parts, starts */
    struct survey octets;  /* what its octets are like */
    bool first_of_message; /* the next line is the first of a message's header */

    uint64_t start, copied;
};

/* --- writing ---------------------------------------------------------------------------------- */

static bool copy(struct walk *walk, struct extent left)
{
    struct store *store = &walk->message->store;
    char *block = malloc(BLOCK_SIZE);
    struct slice octets = {0};
    bool done = block != NULL || error_set_memory(walk->error);
    while (done && left.length > 0)
        done = store_read_next(store, &left, block, BLOCK_SIZE, &octets, walk->error) &&
               store_append(store, octets, walk->error);
    free(block);
    return done;
}

/* Makes the new body complete up to `offset` of the old one. */
static bool copy_until(struct walk *walk, uint64_t offset)
{
    struct extent extent = {walk->copied, offset - walk->copied};
    walk->copied = offset;
    return extent.length == 0 || copy(walk, extent);
}

static bool append(struct walk *walk, struct slice octets)
{
    return store_append(&walk->message->store, octets, walk->error);
}

static bool write_header(struct walk *walk, struct entity_labels *labels)
{
    labels->eight_bit = walk->eight_bit;
    if (!survey_fits(&walk->fields, walk->eight_bit)) {
        labels->mend = true;
        walk->report->headers++;
    }
    if (!copy_until(walk, walk->header.offset) ||
        !entity_write(walk->message, walk->header, labels, walk->error))
        return false;
    walk->copied = walk->header.offset + walk->header.length;
    return true;
}

/* A line around parts that fits: cut, without NUL, and no boundary by accident. */
static bool write_mended_line(struct walk *walk, const struct lines_piece *piece)
{
    char bytes[SURVEY_LINE_LIMIT];
    struct slice text = slice_to(piece->octets, piece->octets.length - (piece->ends ? 2 : 0));
    struct slice line = survey_cut_line(text, walk->eight_bit, bytes);
    if (line.length > 0 && bytes[0] == '-' && !slice_equals(line, text))
        bytes[0] = '?';
    return append(walk, line) && append(walk, slice_of("\r\n"));
}

static bool mend_around(struct walk *walk, uint64_t end)
{
    struct lines lines;
    struct lines_piece piece = {0};
    struct extent extent = {walk->content, end - walk->content};
    walk->report->around++;
    bool done = copy_until(walk, walk->content) &&
                lines_open(&lines, &walk->message->store, extent, walk->error);
    if (!done)
        return false;
    while ((done = lines_next(&lines, &piece, walk->error)) && piece.octets.length > 0) {
        if (piece.starts_line && !(done = write_mended_line(walk, &piece)))
            break;
    }
    lines_close(&lines);
    walk->copied = end;
    return done;
}

/* --- parts ------------------------------------------------------------------------------------ */

static struct level *top_level(struct walk *walk)
{
    return &walk->levels[walk->depth - 1];
}

enum part_obstacle part_find_obstacle(const struct entity *entity)
{
    bool is_multipart = entity->kind == ENTITY_MULTIPART;
    if (entity->kind == ENTITY_SEALED)
        return PART_IS_SEALED;
    if (entity->kind == ENTITY_STATUS)
        return PART_IS_STATUS;
    if (is_multipart && entity->boundary[0] == '\0')
        return PART_HAS_NO_BOUNDARY;
    if (!is_multipart && entity->encoding == ENTITY_UNKNOWN)
        return PART_IS_UNKNOWN;
    return PART_ENCODABLE;
}

/* A composite type (RFC 2045 section 5.1): it has parts. */
static bool is_composite(const struct entity *entity)
{
    return entity->kind == ENTITY_MULTIPART || entity->kind == ENTITY_MESSAGE;
}

static void leave(struct walk *walk, enum part_obstacle obstacle, const struct survey *survey)
{
    walk->report->left[obstacle]++;
    if (survey->has_8bit)
        top_level(walk)->left_8bit = true;
}

static bool encode(struct walk *walk, uint64_t end, bool delimited)
{
    struct entity_labels labels = {0};
    enum encoder_kind kind = entity_choose(&walk->entity, &walk->octets, &labels);
    struct extent body = {walk->content, end - walk->content};
    bool in_message = top_level(walk)->boundary[0] == '\0';

    labels.version = in_message && !walk->entity.has_version;
    if (!write_header(walk, &labels) || !append(walk, slice_of("\r\n")))
        return false;
    /* The line end before a boundary belongs to that. */
    if (delimited && kind == ENCODER_BASE64 && body.length >= 2)
        body.length -= 2;
    walk->report->encoded++;
    walk->copied = end;
    return encoder_encode(&walk->message->store, body, kind, true, walk->error);
}

/* The part under way, which has no parts that were looked at, ends before `end`. */
static bool end_part(struct walk *walk, uint64_t end, bool delimited)
{
    struct entity_labels none = {0};
    enum part_obstacle obstacle = part_find_obstacle(&walk->entity);
    if (is_composite(&walk->entity) && obstacle == PART_ENCODABLE && walk->place == IN_BODY)
        obstacle = PART_IS_TOO_DEEP;
    bool fits = survey_fits(&walk->octets, walk->eight_bit);

    if (!fits && obstacle == PART_ENCODABLE)
        return encode(walk, end, delimited);
    if (!fits)
        leave(walk, obstacle, &walk->octets);
    if (survey_fits(&walk->fields, walk->eight_bit))
        return true;
    if (obstacle == PART_HAS_NO_BOUNDARY) {
        leave(walk, obstacle, &walk->fields);
        return true;
    }
    return write_header(walk, &none);
}

/* A preamble or an epilogue ends before `end`. What has no boundary in it is neither. */
static bool end_around(struct walk *walk, uint64_t end, bool begun)
{
    if (survey_fits(&walk->octets, walk->eight_bit))
        return true;
    if (begun)
        return mend_around(walk, end);
    leave(walk, PART_HAS_NO_BOUNDARY, &walk->octets);
    return true;
}

static void start_content(struct walk *walk, enum place place, uint64_t offset)
{
    walk->place = place;
    walk->content = offset;
    walk->octets = (struct survey){0};
}

static void start_header(struct walk *walk, uint64_t offset)
{
    walk->place = IN_HEADER;
    walk->header = (struct extent){offset, 0};
    walk->fields = (struct survey){0};
    walk->octets = (struct survey){0};
}

/* Opens a level whose content starts at `offset`. */
static void open_level(struct walk *walk, const struct entity *entity, uint64_t offset)
{
    struct level *level = &walk->levels[walk->depth++];
    *level = (struct level){.is_digest = entity->is_digest};
    walk->first_of_message = entity->kind == ENTITY_MESSAGE;
    if (walk->first_of_message) {
        start_header(walk, offset);
        return;
    }
    memcpy(level->boundary, entity->boundary, sizeof level->boundary);
    start_content(walk, AROUND, offset);
}

/* Without it, what is written next could be taken for more of the header. */
static bool insert_blank_line(struct walk *walk, uint64_t offset)
{
    walk->report->around++;
    return copy_until(walk, offset) && append(walk, slice_of("\r\n"));
}

/* Goes into a multipart or message whose header has just ended. */
static bool enter(struct walk *walk, uint64_t offset)
{
    struct entity_labels labels = {0};
    bool relabel = walk->entity.encoding == ENTITY_EIGHT_BIT && !walk->eight_bit;
    if (relabel)
        labels.encoding = "7bit";
    if ((relabel || !survey_fits(&walk->fields, walk->eight_bit)) && !write_header(walk, &labels))
        return false;
    if (offset == walk->header.offset + walk->header.length && !insert_blank_line(walk, offset))
        return false;
    open_level(walk, &walk->entity, offset);
    top_level(walk)->label_at = labels.encoding_at;
    return true;
}

static bool inspect(struct walk *walk)
{
    return entity_inspect(&walk->entity, walk->message, walk->header, top_level(walk)->is_digest,
                          walk->error);
}

/* The header under way is complete; what comes at `offset` is the body. */
static bool end_header(struct walk *walk, uint64_t offset)
{
    if (!inspect(walk))
        return false;
    if (is_composite(&walk->entity) && part_find_obstacle(&walk->entity) == PART_ENCODABLE &&
        walk->depth < PART_DEPTH)
        return enter(walk, offset);
    start_content(walk, IN_BODY, offset);
    return true;
}

/* --- levels ----------------------------------------------------------------------------------- */

static bool close_level(struct walk *walk)
{
    struct level *level = top_level(walk);
    walk->depth--;
    if (!level->left_8bit)
        return true;
    if (walk->depth > 0)
        top_level(walk)->left_8bit = true;
    return level->label_at == 0 ||
           store_change(&walk->message->store, level->label_at, '8', walk->error);
}

/* Whatever is under way ends before `end`; levels are left until there are `depth`. */
static bool end_all(struct walk *walk, uint64_t end, bool delimited, size_t depth)
{
    bool begun = top_level(walk)->begun || (delimited && walk->depth == depth);
    bool done = true;
    if (walk->place == AROUND)
        done = end_around(walk, end, begun);
    else if (walk->place == IN_HEADER)
        done = inspect(walk) && end_part(walk, end, delimited);
    else
        done = end_part(walk, end, delimited);
    while (done && walk->depth > depth)
        done = close_level(walk);
    return done;
}

/* What a line is to a boundary. */
enum match { MATCH_NONE, MATCH_NEXT, MATCH_LAST };

static enum match match_boundary(struct slice line, const char *boundary)
{
    size_t length = strlen(boundary);
    struct slice behind = slice_from(line, strlen("--") + length);
    if (length == 0 || line.length < strlen("--") + length ||
        memcmp(line.bytes + strlen("--"), boundary, length) != 0)
        return MATCH_NONE;
    if (behind.length == 0)
        return MATCH_NEXT;
    return slice_equals(behind, slice_of("--")) ? MATCH_LAST : MATCH_NONE;
}

/* Finds the open multipart whose boundary a line is; how many levels there are up to it. */
static enum match find_boundary(struct walk *walk, const struct lines_piece *piece, size_t *depth)
{
    struct slice line = piece->octets;
    if (!piece->starts_line || line.length < 2 || memcmp(line.bytes, "--", 2) != 0)
        return MATCH_NONE;
    if (!piece->ends && line.length == LINES_PIECE)
        return MATCH_NONE;
    while (line.length > 0 && ascii_is_space(line.bytes[line.length - 1]))
        line.length--;
    for (*depth = walk->depth; *depth > 0; --*depth) {
        const struct level *level = &walk->levels[*depth - 1];
        enum match match = level->closed ? MATCH_NONE : match_boundary(line, level->boundary);
        if (match != MATCH_NONE)
            return match;
    }
    return MATCH_NONE;
}

/* Of a boundary with too many blanks behind it none are left. */
static bool cut_blanks(struct walk *walk, const struct lines_piece *piece)
{
    struct slice line = piece->octets;
    if (line.length <= SURVEY_LINE_LIMIT + 2)
        return true;
    while (ascii_is_space(line.bytes[line.length - 1]))
        line.length--;
    walk->report->around++;
    if (!copy_until(walk, piece->offset) || !append(walk, line) || !append(walk, slice_of("\r\n")))
        return false;
    walk->copied = piece->offset + piece->octets.length;
    return true;
}

static bool pass_boundary(struct walk *walk, const struct lines_piece *piece, enum match match,
                          size_t depth)
{
    uint64_t behind = piece->offset + piece->octets.length;
    if (!end_all(walk, piece->offset, true, depth) || !cut_blanks(walk, piece))
        return false;
    top_level(walk)->begun = true;
    top_level(walk)->closed = match == MATCH_LAST;
    walk->first_of_message = false;
    if (match == MATCH_LAST)
        start_content(walk, AROUND, behind);
    else
        start_header(walk, behind);
    return true;
}

/* --- the walk --------------------------------------------------------------------------------- */

/* A message that lay in a mailbox may have its "From " line still. */
static bool is_mailbox_line(struct slice line)
{
    return slice_equals(slice_to(line, 5), slice_of("From ")) ||
           slice_equals(slice_to(line, 6), slice_of(">From "));
}

static bool continues_header(struct walk *walk, struct slice line)
{
    struct slice name, value;
    bool first = walk->first_of_message;
    walk->first_of_message = false;
    if (ascii_is_blank(line.bytes[0]))
        return walk->header.length > 0;
    return field_split(line, &name, &value) || (first && is_mailbox_line(line));
}

static bool pass_header_line(struct walk *walk, const struct lines_piece *piece, bool *ended)
{
    *ended = false;
    if (piece->starts_line && slice_equals(piece->octets, slice_of("\r\n")))
        return end_header(walk, piece->offset + piece->octets.length);
    if (piece->starts_line && !continues_header(walk, piece->octets)) {
        *ended = true;
        return end_header(walk, piece->offset);
    }
    walk->header.length += piece->octets.length;
    survey_add(&walk->fields, piece->octets);
    return true;
}

static bool pass_piece(struct walk *walk, const struct lines_piece *piece)
{
    size_t depth = 0;
    bool again = true;
    /* A header that ends without a blank line may be that of a message, with a header of its own,
     * or of a multipart, and what ends it its first boundary. */
    while (again) {
        enum match match = find_boundary(walk, piece, &depth);
        if (match != MATCH_NONE)
            return pass_boundary(walk, piece, match, depth);
        if (walk->place != IN_HEADER)
            break;
        if (!pass_header_line(walk, piece, &again))
            return false;
        if (!again)
            return true;
    }
    survey_add(&walk->octets, piece->octets);
    return true;
}

static bool walk_body(struct walk *walk)
{
    struct extent body = walk->message->body;
    struct lines lines;
    struct lines_piece piece = {0};
    bool done = lines_open(&lines, &walk->message->store, body, walk->error);
    while (done && (done = lines_next(&lines, &piece, walk->error)) && piece.octets.length > 0)
        done = pass_piece(walk, &piece);
    lines_close(&lines);
    return done && end_all(walk, body.offset + body.length, false, 0);
}

/* Points the message at its new body, if there is one. */
static bool finish(struct walk *walk)
{
    struct message *message = walk->message;
    struct survey survey = {0};
    if (store_size(&message->store) == walk->start)
        return true;
    if (!copy_until(walk, message->body.offset + message->body.length))
        return false;
    message->body = (struct extent){walk->start, store_size(&message->store) - walk->start};
    if (!survey_extent(&survey, &message->store, message->body, walk->error))
        return false;
    message->body_8bit = survey.has_8bit;
    message->body_nul = survey.has_nul;
    message->body_longest_line = (size_t)survey_longest(&survey);
    return true;
}

bool part_fit(struct message *message, const struct entity *top, bool eight_bit,
              struct part_report *report, struct error *error)
{
    struct walk *walk = calloc(1, sizeof *walk);
    *report = (struct part_report){0};
    if (walk == NULL)
        return error_set_memory(error);
    *walk = (struct walk){.message = message, .report = report, .error = error};
    walk->eight_bit = eight_bit;
    walk->start = store_size(&message->store);
    walk->copied = message->body.offset;
    open_level(walk, top, message->body.offset);
    bool done = walk_body(walk) && finish(walk);
    free(walk);
    return done;
}

package audit

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// line is one line of an export: an entry, or the checkpoint that ends it.
//
//	{"index":0,"commitment":"<hex>","leaf":"<hex>","outbox":0,"salt":"<hex>","body":{…}}
//	{"index":1,"commitment":"<hex>","leaf":"<hex>","outbox":0,"erased":true}
//	{"checkpoint":"<signed note>"}
//
// There is one way to write a line, down to the byte. The body is the record's stored JSON as it is.
type line struct {
	entry      Stored
	leaf       [32]byte
	checkpoint []byte // nil for an entry
}

var errLine = errors.New("not a line of an export")

// Export writes the records under the newest checkpoint as JSON Lines, and the checkpoint as the last
// line. Records after the checkpoint are left out, since nothing vouches for them yet; a running
// log's Checkpoint brings them under one. Damage is returned as a *DamageError, and the export ends.
func Export(ctx context.Context, r Reader, w io.Writer) error {
	tail, err := r.Tail(ctx)
	if err != nil {
		return fmt.Errorf("exporting the audit log: %w", err)
	}
	cp, err := ReadCheckpoint(tail.Checkpoint)
	if err != nil {
		return fmt.Errorf("exporting the audit log: %w", err)
	}
	out := bufio.NewWriterSize(w, 1<<16)
	var next int64
	var buf []byte
	if cp.N > 0 {
		for e, err := range r.Entries(ctx, 0) {
			if err != nil {
				return fmt.Errorf("exporting the audit log: %w", err)
			}
			if bytes.ContainsAny(e.Body, "\r\n") {
				return fmt.Errorf("exporting the audit log: %w", &DamageError{e.Index, "body is not a record"})
			}
			buf = line{entry: e, leaf: Leaf(e.Commitment)}.append(buf[:0])
			if _, err := out.Write(buf); err != nil {
				return fmt.Errorf("exporting the audit log: %w", err)
			}
			if next = e.Index + 1; next == cp.N {
				break
			}
		}
	}
	if next != cp.N {
		return fmt.Errorf("exporting the audit log: %w", &DamageError{next, "record is missing"})
	}
	if _, err := out.Write(line{checkpoint: tail.Checkpoint}.append(buf[:0])); err != nil {
		return fmt.Errorf("exporting the audit log: %w", err)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("exporting the audit log: %w", err)
	}
	return nil
}

// append writes the line, newline included.
func (l line) append(b []byte) []byte {
	if l.checkpoint != nil {
		text, _ := json.Marshal(string(l.checkpoint)) // a string always has a JSON form
		b = append(b, `{"checkpoint":`...)
		b = append(b, text...)
		return append(b, "}\n"...)
	}
	e := &l.entry
	b = append(b, `{"index":`...)
	b = strconv.AppendInt(b, e.Index, 10)
	b = append(b, `,"commitment":"`...)
	b = hex.AppendEncode(b, e.Commitment[:])
	b = append(b, `","leaf":"`...)
	b = hex.AppendEncode(b, l.leaf[:])
	b = append(b, `","outbox":`...)
	b = strconv.AppendUint(b, e.Outbox, 10)
	if e.Erased {
		return append(b, `,"erased":true}`+"\n"...)
	}
	b = append(b, `,"salt":"`...)
	b = hex.AppendEncode(b, e.Salt[:])
	b = append(b, `","body":`...)
	b = append(b, e.Body...)
	return append(b, "}\n"...)
}

// parseLine parses a line without its newline. It accepts exactly what append writes: a key that
// comes twice, another order, a capital in a hash would let two readers see two things in one file.
func parseLine(text []byte) (line, error) {
	c := cursor{rest: text}
	var l line
	if c.skip(`{"checkpoint":`) {
		var s string
		if json.Unmarshal(bytes.TrimSuffix(c.rest, []byte("}")), &s) != nil {
			return line{}, errLine
		}
		l.checkpoint = []byte(s)
	} else {
		e := &l.entry
		c.need(`{"index":`)
		e.Index = int64(c.number())
		c.need(`,"commitment":"`)
		c.hash(&e.Commitment)
		c.need(`","leaf":"`)
		c.hash(&l.leaf)
		c.need(`","outbox":`)
		e.Outbox = c.number()
		if e.Erased = c.skip(`,"erased":true}`); !e.Erased {
			c.need(`,"salt":"`)
			c.hash(&e.Salt)
			c.need(`","body":`)
			e.Body = bytes.TrimSuffix(c.rest, []byte("}"))
		}
	}
	if c.bad || !bytes.Equal(bytes.TrimSuffix(l.append(nil), []byte("\n")), text) {
		return line{}, errLine
	}
	return l, nil
}

// cursor reads a line from left to right; bad stays once it is set.
type cursor struct {
	rest []byte
	bad  bool
}

func (c *cursor) skip(s string) bool {
	rest, ok := bytes.CutPrefix(c.rest, []byte(s))
	c.rest = rest
	return ok
}

func (c *cursor) need(s string) { c.bad = !c.skip(s) || c.bad }

func (c *cursor) number() uint64 {
	n := 0
	for n < len(c.rest) && '0' <= c.rest[n] && c.rest[n] <= '9' {
		n++
	}
	v, err := strconv.ParseUint(string(c.rest[:n]), 10, 64)
	c.bad = c.bad || err != nil
	c.rest = c.rest[n:]
	return v
}

func (c *cursor) hash(h *[32]byte) {
	if len(c.rest) < 64 {
		c.bad = true
		return
	}
	_, err := hex.Decode(h[:], c.rest[:64])
	c.bad = c.bad || err != nil
	c.rest = c.rest[64:]
}

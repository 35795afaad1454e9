package audit

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// ErrCheckpoint says that a checkpoint is missing, malformed, of another log, or not signed by a known key.
var ErrCheckpoint = errors.New("audit: bad checkpoint")

// maxSize is the largest tree that is looked at, in records. tlog does not return for sizes over 2⁶²,
// and a checkpoint may claim any.
const maxSize = 1 << 48

// maxNote is the largest checkpoint in bytes that is looked at.
const maxNote = 64 << 10

// Checkpoint is a log's signed statement: the first N leaves have this root.
type Checkpoint struct {
	Origin string // the log's name
	tlog.Tree
}

// text returns the C2SP checkpoint body.
func (c Checkpoint) text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.N, c.Hash)
}

// OpenCheckpoint parses a checkpoint that at least one of the known keys has signed; further
// signatures, as witnesses add them, are allowed. Errors wrap ErrCheckpoint.
func OpenCheckpoint(msg []byte, known note.Verifiers) (Checkpoint, error) {
	c, _, err := openSigned(msg, known)
	return c, err
}

// openSigned is OpenCheckpoint, and says which of the known keys signed: at least one.
func openSigned(msg []byte, known note.Verifiers) (c Checkpoint, signers []keyID, err error) {
	if len(msg) > maxNote {
		return c, nil, fmt.Errorf("%w: %d bytes, the limit is %d", ErrCheckpoint, len(msg), maxNote)
	}
	n, err := note.Open(msg, known)
	if err != nil {
		return c, nil, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	// note.Open tolerates stray bits at the end of a signature's base64; two spellings of one
	// checkpoint would let a changed byte pass unseen.
	for line := range strings.SplitSeq(strings.TrimSuffix(string(msg[len(n.Text)+1:]), "\n"), "\n") {
		if _, err := base64.StdEncoding.Strict().DecodeString(line[strings.LastIndexByte(line, ' ')+1:]); err != nil {
			return c, nil, fmt.Errorf("%w: signature is not canonical base64", ErrCheckpoint)
		}
	}
	for _, s := range n.Sigs {
		signers = append(signers, keyID{s.Name, s.Hash})
	}
	c, err = parseCheckpoint(n.Text)
	return c, signers, err
}

// ReadCheckpoint parses a checkpoint without looking at its signatures. A storage may use it to find
// out how far it was level with itself; nothing may be trusted because of it.
func ReadCheckpoint(msg []byte) (Checkpoint, error) {
	text, _, ok := bytes.Cut(msg, []byte("\n\n"))
	if !ok || len(msg) > maxNote {
		return Checkpoint{}, fmt.Errorf("%w: malformed", ErrCheckpoint)
	}
	return parseCheckpoint(string(text) + "\n")
}

// parseCheckpoint parses the three lines and any extension lines, which it ignores.
func parseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 || lines[len(lines)-1] != "" {
		return Checkpoint{}, fmt.Errorf("%w: fewer than three lines", ErrCheckpoint)
	}
	c := Checkpoint{Origin: lines[0]}
	var err error
	if c.Origin == "" {
		return Checkpoint{}, fmt.Errorf("%w: empty origin", ErrCheckpoint)
	}
	c.N, err = strconv.ParseInt(lines[1], 10, 64)
	if err != nil || c.N < 0 || c.N > maxSize || strconv.FormatInt(c.N, 10) != lines[1] {
		return Checkpoint{}, fmt.Errorf("%w: malformed size", ErrCheckpoint)
	}
	hash, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(hash) != tlog.HashSize {
		return Checkpoint{}, fmt.Errorf("%w: malformed root", ErrCheckpoint)
	}
	copy(c.Hash[:], hash)
	return c, nil
}

// validOrigin reports whether an origin can stand on a checkpoint's first line.
func validOrigin(origin string) bool {
	return origin != "" && len(origin) <= 255 && strings.IndexFunc(origin, func(r rune) bool {
		return r <= 0x20 || r == 0x7f || r == '\uFFFD'
	}) < 0
}

package embed

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// ErrDamaged is returned for a table that is not what was encoded.
var ErrDamaged = errors.New("the table of word vectors is damaged")

// Table is a model of static word vectors. Stored, it is, numbers little-endian:
//
//	magic; version, dimensions, words, bytes of spelling: uint32 each
//	common direction: a float32 a dimension
//	scales: a uint16 a word
//	rows: 25 bytes a word
//	spelling: for each word a byte that counts the leading bytes it shares with the word
//	  before, then the others, the last of them with its high bit set
//	SHA-256 of all of the above
type Table struct {
	Words  []string            // strictly rising bytewise, 1 to 32 ASCII letters and digits, lower case
	Scales []uint16            // one a word, what the values of its row are multiplied by
	Rows   []byte              // 25 a word; dimension d is the code in bits 2(d%4), 2(d%4)+1 of byte d/4; a code c has the value 2c-3
	Common [Dimensions]float32 // direction of unit length that is taken out of every sum of words
}

const (
	magic   = "MUNWORDS"
	version = 1
	head    = len(magic) + 4*4 + 4*Dimensions
)

// Encode returns t as it is stored. It refuses a table that Decode would not return as it
// was.
func (t *Table) Encode() ([]byte, error) {
	if len(t.Scales) != len(t.Words) || len(t.Rows) != rowBytes*len(t.Words) {
		return nil, fmt.Errorf("encoding word vectors: %d words with %d scales and %d bytes of rows", len(t.Words), len(t.Scales), len(t.Rows))
	}
	if err := t.check(); err != nil {
		return nil, fmt.Errorf("encoding word vectors: %w", err)
	}
	var spelling []byte
	before := ""
	for _, w := range t.Words {
		shared := 0
		for shared < len(before) && before[shared] == w[shared] {
			shared++
		}
		spelling = append(append(spelling, byte(shared)), w[shared:]...)
		spelling[len(spelling)-1] |= 0x80
		before = w
	}
	out := []byte(magic)
	for _, n := range []int{version, Dimensions, len(t.Words), len(spelling)} {
		out = binary.LittleEndian.AppendUint32(out, uint32(n))
	}
	for _, x := range t.Common {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
	}
	for _, s := range t.Scales {
		out = binary.LittleEndian.AppendUint16(out, s)
	}
	out = append(append(out, t.Rows...), spelling...)
	sum := sha256.Sum256(out)
	return append(out, sum[:]...), nil
}

// Decode reads a stored table, whose rows it shares. It fails with ErrDamaged unless every
// byte is as it was encoded.
func Decode(b []byte) (*Table, error) {
	if len(b) < head+sha256.Size || !bytes.HasPrefix(b, []byte(magic)) {
		return nil, fmt.Errorf("%w: not a table", ErrDamaged)
	}
	body := b[:len(b)-sha256.Size]
	if sha256.Sum256(body) != [sha256.Size]byte(b[len(body):]) {
		return nil, fmt.Errorf("%w: checksum differs", ErrDamaged)
	}
	number := func(i int) int { return int(binary.LittleEndian.Uint32(b[len(magic)+4*i:])) }
	if number(0) != version || number(1) != Dimensions {
		return nil, fmt.Errorf("%w: version %d of %d dimensions, want %d of %d", ErrDamaged, number(0), number(1), version, Dimensions)
	}
	words, spelling := number(2), number(3)
	if len(body) != head+words*(2+rowBytes)+spelling {
		return nil, fmt.Errorf("%w: %d bytes for %d words", ErrDamaged, len(b), words)
	}
	t := &Table{Scales: make([]uint16, words)}
	for d := range t.Common {
		t.Common[d] = math.Float32frombits(binary.LittleEndian.Uint32(b[len(magic)+4*4+4*d:]))
	}
	rest := body[head:]
	for i := range t.Scales {
		t.Scales[i] = binary.LittleEndian.Uint16(rest[2*i:])
	}
	t.Rows, rest = rest[2*words:][:rowBytes*words:rowBytes*words], rest[(2+rowBytes)*words:]
	var err error
	if t.Words, err = spell(rest, words); err != nil {
		return nil, err
	}
	if err := t.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return t, nil
}

// spell reads the spelling of count words into one string, of which the words are parts.
func spell(b []byte, count int) ([]string, error) {
	ends := make([]int, 0, count)
	var all []byte
	before := 0 // start of the word before in all
	for len(b) > 0 {
		shared := int(b[0])
		start := len(all)
		length := slices.IndexFunc(b[1:], func(c byte) bool { return c >= 0x80 }) + 1
		if shared > start-before || length == 0 {
			return nil, fmt.Errorf("%w: word %d cannot be spelled", ErrDamaged, len(ends))
		}
		all = append(append(all, all[before:before+shared]...), b[1:1+length]...)
		all[len(all)-1] &^= 0x80
		ends, before, b = append(ends, len(all)), start, b[1+length:]
	}
	if len(ends) != count {
		return nil, fmt.Errorf("%w: %d words are spelled, want %d", ErrDamaged, len(ends), count)
	}
	words, text, start := make([]string, count), string(all), 0
	for i, end := range ends {
		words[i], start = text[start:end], end
	}
	return words, nil
}

// check reports what keeps t from being a table.
func (t *Table) check() error {
	before := ""
	for i, w := range t.Words {
		if w <= before || len(w) > maxWord {
			return fmt.Errorf("word %d, %q, is too long or does not follow %q", i, w, before)
		}
		if at := strings.IndexFunc(w, func(r rune) bool { return r >= 0x80 || asciiWord[r] != byte(r) }); at >= 0 {
			return fmt.Errorf("word %d, %q, is not in lower-case letters and digits", i, w)
		}
		before = w
	}
	length := 0.0
	for _, x := range t.Common {
		length += float64(float64(x) * float64(x))
	}
	if !(math.Abs(length-1) < 1e-5) {
		return fmt.Errorf("the common direction has the squared length %g", length)
	}
	return nil
}

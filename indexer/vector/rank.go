package vector

import (
	"context"
	"encoding/binary"
	"math"

	"github.com/muniment/muniment/indexer"
)

// abreast is how many products are made at a time. A product is a sum in the order of
// dimensions, whose every step waits for the one before; so several are made side by side.
const abreast = 4

// fullReader is memory for vectors as they are in the log.
type fullReader struct {
	in   vectors
	full [abreast][]byte
}

// rank compares the candidates in full.
func (w *workspace) rank(ctx context.Context, file *logFile, c *column, q *question) ([]indexer.Hit, error) {
	in := &w.read.in
	in.begin(c, file)
	defer in.end()
	hits := make([]indexer.Hit, 0, len(w.list)+abreast-1)
	for i := 0; i < len(w.list); i += abreast {
		if i%256 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		for k := range abreast {
			if i+k < len(w.list) {
				in.ahead = w.list[i+k:]
				b, err := in.bytes(w.list[i+k].slot)
				if err != nil {
					return nil, err
				}
				w.read.full[k] = append(w.read.full[k][:0], b...)
				hits = append(hits, indexer.Hit{Row: c.row(w.list[i+k].slot)})
			} else {
				w.read.full[k] = append(w.read.full[k][:0], w.read.full[0]...)
			}
		}
		for k, score := range q.exact4(w.read.full[0], w.read.full[1], w.read.full[2], w.read.full[3]) {
			if i+k < len(hits) {
				hits[i+k].Score = score
			}
		}
	}
	return hits, nil
}

// exact4 are the products of the question with vectors as they are in the log. Products of
// float32 are exact in float64, so it does not matter whether a machine fuses them with the
// sum.
func (q *question) exact4(a, b, c, d []byte) (products [abreast]float64) {
	n := 4 * len(q.vector)
	a, b, c, d = a[:n], b[:n], c[:n], d[:n]
	var w, x, y, z float64
	for _, v := range q.vector {
		w += v * number(a)
		x += v * number(b)
		y += v * number(c)
		z += v * number(d)
		a, b, c, d = a[4:], b[4:], c[4:], d[4:]
	}
	return [...]float64{w, x, y, z}
}

func number(b []byte) float64 { return float64(math.Float32frombits(binary.LittleEndian.Uint32(b))) }

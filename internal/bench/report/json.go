package report

import (
	"encoding/json"
	"math"
)

// number64 is a number that JSON writes as null if there is none.
type number64 float64

// MarshalJSON writes what is no number as null.
func (n number64) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// MarshalJSON writes the figure; a value that was not measured is null.
func (f Figure) MarshalJSON() ([]byte, error) {
	type plain Figure
	return json.Marshal(struct {
		plain
		Value number64 `json:"value"`
	}{plain(f), number64(f.Value)})
}

// MarshalJSON writes the row; what was not measured is null.
func (r Row) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Way     string   `json:"way"`
		Share   string   `json:"share"`
		Queries int      `json:"queries"`
		P50     number64 `json:"p50_ms"`
		P95     number64 `json:"p95_ms"`
		P99     number64 `json:"p99_ms"`
		CPU     number64 `json:"cpu_ms"`
		Exact   number64 `json:"exact"`
		Short   number64 `json:"short"`
		Leaks   number64 `json:"leaks"`
	}{
		r.Way, r.Share, r.Queries, number64(r.P50), number64(r.P95), number64(r.P99),
		number64(r.CPU), number64(r.Exact), number64(r.Short), number64(r.Leaks),
	})
}

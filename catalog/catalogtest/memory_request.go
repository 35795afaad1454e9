package catalogtest

import (
	"crypto/sha256"
	"time"

	"github.com/muniment/muniment/catalog"
)

// requestName is what a request is known by.
type requestName struct{ by, id string }

// remembered is what became of a request.
type remembered struct {
	at      time.Time
	payload [sha256.Size]byte
	outcome catalog.Outcome
}

// ask applies one mutation, unless the same request has been made before.
func (d *draft) ask(m catalog.Mutation, r catalog.Request) (catalog.Outcome, error) {
	if r.ID == "" {
		return d.apply(m)
	}
	name := requestName{r.By, r.ID}
	first, known := d.requests[name]
	if !known {
		first, known = d.base.requests[name]
		known = known && d.at.Before(first.at.Add(catalog.RequestLife))
	}
	if !known {
		o, err := d.apply(m)
		if err == nil {
			d.requests[name] = remembered{d.at, r.Payload, catalog.Outcome{
				Replayed: true, Refused: o.Refused, Changed: o.Changed, AccessKept: o.AccessKept, UnknownContainer: o.UnknownContainer,
			}}
		}
		return o, err
	}
	d.line(m, false)
	if first.payload != r.Payload {
		return catalog.Outcome{Refused: catalog.ErrRequestReused}, nil
	}
	return first.outcome, nil
}

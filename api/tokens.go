package api

import (
	"encoding/binary"
	"time"

	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/catalog"
)

// consistencyLife is how long a consistency token is honoured.
const consistencyLife = 7 * 24 * time.Hour

// consistency seals a revision, which must not be seen in clear: it counts hidden changes
// too. The token is not bound to its caller, because the job that writes hands it to the
// app that reads.
func (h *handler) consistency(at catalog.Revision) (string, error) {
	return h.Keys.Seal(identity.PurposeConsistency, nil, binary.BigEndian.AppendUint64(nil, uint64(at)), h.Now().Add(consistencyLife))
}

// revision is the one that at_least_as_fresh stands for, 0 for no token.
func (h *handler) revision(token string) (catalog.Revision, error) {
	if token == "" {
		return 0, nil
	}
	b, err := h.Keys.Unseal(identity.PurposeConsistency, nil, token, h.Now())
	if err != nil || len(b) != 8 {
		return 0, fieldError{"at_least_as_fresh", identity.ErrSeal}
	}
	return catalog.Revision(binary.BigEndian.Uint64(b)), nil
}

// receipt seals a record's place in the log and its leaf hash. It is not bound to its
// caller, because it is for auditors, who open those of everyone; nobody else opens any.
func (h *handler) receipt(e audit.Entry) (string, error) {
	return h.Keys.Seal(identity.PurposeReceipt, nil, append(binary.BigEndian.AppendUint64(nil, uint64(e.Index)), e.Leaf[:]...), identity.NeverExpires)
}

// entry is the record a receipt stands for.
func (h *handler) entry(receipt string) (audit.Entry, error) {
	e := audit.Entry{}
	b, err := h.Keys.Unseal(identity.PurposeReceipt, nil, receipt, h.Now())
	if err != nil || len(b) != 8+len(e.Leaf) {
		return e, fieldError{"receipt", identity.ErrSeal}
	}
	e.Index = int64(binary.BigEndian.Uint64(b))
	copy(e.Leaf[:], b[8:])
	return e, nil
}

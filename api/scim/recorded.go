package scim

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/api/limits"
	"github.com/muniment/muniment/audit"
)

// Recorder is the audit log.
type Recorder interface {
	// Append makes a record durable.
	Append(ctx context.Context, r audit.Record) (audit.Entry, error)
}

// Refusals counts refusals of which there may be any number.
type Refusals interface {
	// Count has a refusal recorded soon, with others of the same reason and app; app is empty of strangers.
	Count(app acl.Principal, why audit.Refusal)
}

// errUnrecorded is what a request gets in the place of an answer that would leave no record.
var errUnrecorded = errors.New("scim: the answer has no audit record")

// admit lets requests with a good token pass, as often as an app may call. Others are counted
// alone: anybody can send them, and a record for each would let them fill the log.
func (h *Handler) admit(r *http.Request) error {
	if !h.authentic(r) {
		return problem{http.StatusUnauthorized, "", "present the token of this provider"}
	}
	return h.Limits.Allow(string(h.App), string(h.App), h.Now())
}

// record sees to it that a request leaves one record, durable before the answer: what changed
// something has left its own, with the change; else it says what was read. It returns what
// the provider gets instead of the answer.
func (h *Handler) record(ctx context.Context, a answer) error {
	if a.changed {
		return nil
	}
	if a.read == "" {
		return errUnrecorded
	}
	_, err := h.Audit.Append(ctx, audit.Record{
		ID: audit.NewID(), Time: h.Now(), Kind: audit.KindRead, App: string(h.App), Chain: []string{string(h.App)}, Read: &audit.Read{ID: a.read},
	})
	if err != nil {
		return fmt.Errorf("recording a read: %w", err)
	}
	return nil
}

// refused records what a request got instead of an answer, and returns what it gets: that, or
// that the log cannot be written. Who has been admitted has a record for each.
func (h *Handler) refused(ctx context.Context, endpoint string, admitted bool, err error) error {
	p := asProblem(err)
	why := audit.Refusal{Method: endpoint, Code: "HTTP_" + strconv.Itoa(p.status), Reason: p.reason()}
	if over := limits.As(err); over != nil {
		why.Limit = over.Limit
	}
	if !admitted {
		app := h.App
		if p.status == http.StatusUnauthorized {
			app = ""
		}
		h.Refusals.Count(app, why)
		return err
	}
	_, failed := h.Audit.Append(context.WithoutCancel(ctx), audit.Record{
		ID: audit.NewID(), Time: h.Now(), Kind: audit.KindRefuse, App: string(h.App), Chain: []string{string(h.App)}, Refusal: &why,
	})
	if failed != nil {
		h.Log.Error("recording a refusal", "endpoint", endpoint, "error", failed)
		return fmt.Errorf("recording a refusal: %w", failed)
	}
	return err
}

// reason is a problem's in the audit log: from a fixed list, and nothing of what was sent.
func (p problem) reason() string {
	if p.scimType != "" {
		return "SCIM_" + p.scimType
	}
	return "SCIM"
}

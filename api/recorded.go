package api

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"

	"github.com/muniment/muniment/audit"
	pb "github.com/muniment/muniment/proto/muniment/v1"
	"github.com/muniment/muniment/retriever"
)

// recordKinds says which kind of audit record the contract means.
var recordKinds = map[pb.MethodAccess_Record]audit.Kind{
	pb.MethodAccess_RECORD_RETRIEVE: audit.KindRetrieve, pb.MethodAccess_RECORD_READ: audit.KindRead,
	pb.MethodAccess_RECORD_CHANGE: audit.KindChange, pb.MethodAccess_RECORD_OPERATE: audit.KindOperate,
	pb.MethodAccess_RECORD_ANSWER: audit.KindAnswer,
}

// recorder is the way of every call to the audit log. It sees to it that a call leaves one
// record, of the kind that the contract says of its method, and knows whether it has left it.
type recorder struct{ retriever.Recorder }

// Errors that a call gets in the place of an answer of which there would be no record, or
// more than one. They are mistakes of this program.
var (
	errUnrecorded = errors.New("the answer has no audit record")
	errWrongKind  = errors.New("the audit record is not of the kind that the contract says")
	errRecorded   = errors.New("the call has left its audit record already")
)

// Append implements retriever.Recorder. The context must be a call's.
func (r recorder) Append(ctx context.Context, record audit.Record) (audit.Entry, error) {
	c, err := callOf(ctx)
	if err != nil {
		return audit.Entry{}, err
	}
	if want := recordKinds[c.access.GetRecord()]; record.Kind != want {
		return audit.Entry{}, fmt.Errorf("%w: %q instead of %q", errWrongKind, record.Kind, want)
	}
	if c.recorded.Swap(true) {
		return audit.Entry{}, errRecorded
	}
	entry, err := r.Recorder.Append(ctx, record)
	if err != nil && !errors.Is(err, audit.ErrUncertain) {
		c.recorded.Store(false)
	}
	return entry, err
}

// leaves is what becomes of an answer that is about to leave: nothing, if the call has left
// its record. What changes the catalog leaves its record with the change.
func (c call) leaves(err error) error {
	if err == nil && c.access.GetRecord() != pb.MethodAccess_RECORD_CHANGE && !c.recorded.Load() {
		return errUnrecorded
	}
	return err
}

// refused records that a call got the status instead of an answer, and returns what the caller
// gets: the status, or that the audit log cannot be written.
//
// To record each of them before it is sent is the simple version. It would let anybody without
// a token fill the log and the disk, and hide one refusal among millions. So callers for whom no
// token speaks, and those who are turned away again and again although one does, are counted,
// and the counts are recorded (see Refusals). All others have been counted against their limits,
// which bounds how many there are; each has a record, durable before the refusal leaves.
func (h *handler) refused(ctx context.Context, c call, method string, answer error) error {
	if c.recorded.Load() {
		return answer
	}
	why := refusalOf(method, answer)
	if !c.counted {
		h.Refusals.count(c, why)
		return answer
	}
	r := audit.Record{ID: c.id, Time: h.Now(), Kind: audit.KindRefuse, Refusal: &why}
	r.App, r.User, r.Chain, r.Groups = string(c.App), string(c.User), c.Chain, audit.GroupsOf(c.Identity)
	// Whether or not the caller waits for it.
	if _, err := h.Audit.Append(context.WithoutCancel(ctx), r); err != nil {
		h.Log.Error("recording a refusal", "method", method, "request_id", c.id, "error", err)
		return toStatus(errors.Join(retriever.ErrNotRecorded, err))
	}
	return answer
}

// refusalOf is what a record says of a status: codes and names from fixed lists, and nothing
// of what was sent.
func refusalOf(method string, answer error) audit.Refusal {
	s := status.Convert(answer)
	r := audit.Refusal{Method: method, Code: code.Code(s.Code()).String()}
	for _, d := range s.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			r.Reason = info.GetReason()
			if limit := info.GetMetadata()["limit"]; limit != "" {
				r.Limit = limit
			}
		}
	}
	return r
}

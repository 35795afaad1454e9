package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"

	"github.com/muniment/muniment/api"
	"github.com/muniment/muniment/api/identity"
	"github.com/muniment/muniment/audit"
	"github.com/muniment/muniment/indexer"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// obedient is an api.Operator that notes what it was asked for and returns err.
type obedient struct {
	asked []string
	err   error
	hangs bool // Check goes on until it is told to stop

	between func() // if it is there, Check calls it between its two answers
}

func (o *obedient) Status(context.Context) (*pb.GetStatusResponse, error) {
	o.asked = append(o.asked, "status")
	return &pb.GetStatusResponse{Version: "v1", RefusingWrites: "the disk is full"}, o.err
}

func (o *obedient) Check(ctx context.Context, send func(*pb.CheckResponse) error) error {
	o.asked = append(o.asked, "check")
	if o.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	first := send(&pb.CheckResponse{Part: "catalog", Problem: "a bit"})
	if o.between != nil {
		o.between()
	}
	return errors.Join(first, send(&pb.CheckResponse{Ok: new(false)}), o.err)
}

func (o *obedient) Rebuild(_ context.Context, index string) error {
	o.asked = append(o.asked, "rebuild "+index)
	return o.err
}

func (o *obedient) Backup(_ context.Context, have []byte, send func(*pb.BackupResponse) error) error {
	o.asked = append(o.asked, "backup "+string(have))
	return errors.Join(send(&pb.BackupResponse{Part: &pb.BackupResponse_End{End: &pb.BackupEnd{Version: "v1"}}}), o.err)
}

// all takes everything off a stream.
func all[T any](t testing.TB, stream interface{ Recv() (*T, error) }, err error) (list []*T, _ error) {
	t.Helper()
	for err == nil {
		var m *T
		if m, err = stream.Recv(); err == nil {
			list = append(list, m)
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return list, err
}

// TestOperations: each call reaches the operator with what was asked, its answer reaches the
// caller, and the audit log has it, before the work is done where that changes or shows something.
func TestOperations(t *testing.T) {
	s := start(t, nil)
	admin := s.as("service:ops", "admin")
	client := pb.NewOperationsServiceClient(s.conn)

	status, err := client.GetStatus(admin, &pb.GetStatusRequest{})
	if err != nil || status.GetRefusingWrites() != "the disk is full" {
		t.Errorf("GetStatus: %v, %v", status, err)
	}
	checking, err := client.Check(admin, &pb.CheckRequest{})
	checked, err := all(t, checking, err)
	if err != nil || len(checked) != 2 || checked[0].GetProblem() != "a bit" || checked[1].Ok == nil {
		t.Errorf("Check: %v, %v", checked, err)
	}
	if _, err := client.Rebuild(admin, &pb.RebuildRequest{Index: "keyword"}); err != nil {
		t.Errorf("Rebuild: %v", err)
	}
	copying, err := client.Backup(admin, &pb.BackupRequest{Have: []byte("hashes")})
	copied, err := all(t, copying, err)
	if err != nil || len(copied) != 1 || copied[0].GetEnd().GetVersion() != "v1" {
		t.Errorf("Backup: %v, %v", copied, err)
	}
	if diff := cmp.Diff([]string{"status", "check", "rebuild keyword", "backup hashes"}, s.operator.asked); diff != "" {
		t.Errorf("asked of the operator (-want +got):\n%s", diff)
	}
	var recorded []string
	for item, err := range s.Audit.Records(t.Context(), 0) {
		s.must(err)
		what, err := json.Marshal([]any{item.Record.Kind, item.Record.App, item.Record.Read, item.Record.Operation})
		s.must(err)
		recorded = append(recorded, string(what))
	}
	if diff := cmp.Diff([]string{
		`["read","service:ops",{"source":"","id":"status","version":0,"content_hash":""},null]`,
		`["operate","service:ops",null,{"name":"check"}]`,
		`["operate","service:ops",null,{"name":"rebuild","detail":"keyword"}]`,
		`["operate","service:ops",null,{"name":"backup"}]`,
	}, recorded); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
}

// TestOperationsEndWithTheirToken: what an operator asks for goes on no longer than the token
// it was asked for with.
func TestOperationsEndWithTheirToken(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	s.operator.hangs = true
	checking, err := pb.NewOperationsServiceClient(s.conn).Check(s.bearer(s.token(identity.Request{Subject: "service:ops", TTL: time.Second}, "admin")), &pb.CheckRequest{})
	_, err = all(t, checking, err)
	if code, why := reason(err); code != codes.Unauthenticated || why != "TOKEN_EXPIRED" {
		t.Errorf("the check ended with %v %s, want Unauthenticated TOKEN_EXPIRED", code, why)
	}
}

// TestOperationsAreRefused: bad requests, and what an operator may refuse, have their codes
// and reasons.
func TestOperationsAreRefused(t *testing.T) {
	s := start(t, nil)
	admin := s.as("service:ops", "admin")
	client := pb.NewOperationsServiceClient(s.conn)
	for _, index := range []string{"", "colour", "Keyword"} {
		if code, why := reason(second(client.Rebuild(admin, &pb.RebuildRequest{Index: index}))); code != codes.InvalidArgument || why != "INVALID_FIELD" {
			t.Errorf("rebuilding %q: %v %s", index, code, why)
		}
	}
	if stream, err := client.Backup(admin, &pb.BackupRequest{Have: make([]byte, 16<<20+1)}); true {
		if code, why := reason(second(all(t, stream, err))); code != codes.InvalidArgument || why != "INVALID_FIELD" {
			t.Errorf("more hashes than may be sent: %v %s", code, why)
		}
	}
	if len(s.operator.asked) > 0 {
		t.Errorf("bad requests reached the operator: %q", s.operator.asked)
	}
	for _, c := range []struct {
		err    error
		code   codes.Code
		reason string
	}{
		{api.ErrOperationRunning, codes.FailedPrecondition, "OPERATION_RUNNING"},
		{api.ErrNoSpace, codes.ResourceExhausted, "DISK_FULL"},
		{api.ErrErasedMeanwhile, codes.Aborted, "ERASED_MEANWHILE"},
		{indexer.ErrRebuilding, codes.FailedPrecondition, "REBUILDING"},
		{errors.New("secret"), codes.Internal, "INTERNAL"},
	} {
		s.operator.err = c.err
		checking, err := client.Check(admin, &pb.CheckRequest{})
		for name, err := range map[string]error{
			"Check":   second(all(t, checking, err)),
			"Rebuild": second(client.Rebuild(admin, &pb.RebuildRequest{Index: "vector"})),
		} {
			if code, why := reason(err); code != c.code || why != c.reason {
				t.Errorf("%s of an operator who says %v: %v %s", name, c.err, code, why)
			}
		}
	}
}

// TestOperationsUnrecorded: what cannot be recorded is not done; only the status, in which
// the operator reads why, is told all the same.
func TestOperationsUnrecorded(t *testing.T) {
	for _, cause := range []error{audit.ErrFull, errors.New("the disk is gone")} {
		unrecorded(t, cause)
	}
}

func unrecorded(t *testing.T, cause error) {
	s := start(t, nil)
	admin := s.as("service:ops", "admin")
	client := pb.NewOperationsServiceClient(s.conn)
	s.records.Break(cause)
	checking, err := client.Check(admin, &pb.CheckRequest{})
	checkErr := second(all(t, checking, err))
	copying, err := client.Backup(admin, &pb.BackupRequest{})
	for name, err := range map[string]error{
		"Check": checkErr, "Backup": second(all(t, copying, err)), "Rebuild": second(client.Rebuild(admin, &pb.RebuildRequest{Index: "vector"})),
	} {
		if code, why := reason(err); code != codes.Unavailable || why != "AUDIT_UNAVAILABLE" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(s.operator.asked) > 0 {
		t.Errorf("unrecorded, and done: %q", s.operator.asked)
	}
	if got, err := client.GetStatus(admin, &pb.GetStatusRequest{}); err != nil || got.GetVersion() != "v1" {
		t.Errorf("GetStatus: %v, %v", got, err)
	}
}

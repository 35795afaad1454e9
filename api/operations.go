package api

import (
	"context"
	"errors"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/muniment/muniment/audit"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// Operator does what the OperationsService is asked for. It knows the data directory, which
// this package does not. What it sends are the messages of the contract, each once, in the
// order that the contract says; an error of send ends the work and is returned.
type Operator interface {
	// Status returns how the server stands.
	Status(ctx context.Context) (*pb.GetStatusResponse, error)
	// Check checks everything. That something is wrong is sent, and no error.
	Check(ctx context.Context, send func(*pb.CheckResponse) error) error
	// Rebuild begins to rebuild the index of that name.
	Rebuild(ctx context.Context, index string) error
	// Backup sends a backup without the chunks whose hashes are in have.
	Backup(ctx context.Context, have []byte, send func(*pb.BackupResponse) error) error
}

// Errors that an Operator returns for callers to see.
var (
	// ErrOperationRunning says that the same work is being done for somebody else.
	ErrOperationRunning = fail(codes.FailedPrecondition, "OPERATION_RUNNING", "this is being done already; wait until that has ended")
	// ErrNoSpace says that the work needs room on the server's disk that is not there.
	ErrNoSpace = fail(codes.ResourceExhausted, "DISK_FULL", "a backup copies the catalog beside it first, and there is no room for that on the server's disk")
	// ErrErasedMeanwhile says that a backup is not of one moment and must be made again.
	ErrErasedMeanwhile = fail(codes.Aborted, "ERASED_MEANWHILE", "records were erased from the audit log during the backup; make it again")
)

// OperationsApp is the app that acts for whoever operates the server with a token of their
// own making.
const OperationsApp = "service:operator"

type operations struct {
	pb.UnimplementedOperationsServiceServer
	*handler
}

// GetStatus answers also while the audit log cannot be written: it is where an operator
// reads that. It says nothing of any document.
func (s operations) GetStatus(ctx context.Context, req *pb.GetStatusRequest) (*pb.GetStatusResponse, error) {
	c, err := callOf(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.validate(req); err != nil {
		return nil, err
	}
	_, err = s.record(ctx, c, audit.Record{Kind: audit.KindRead, Read: &audit.Read{ID: "status"}})
	if err != nil && !errors.Is(err, audit.ErrUnwritable) && !errors.Is(err, audit.ErrFull) {
		return nil, err
	}
	c.recorded.Store(true) // or it cannot be, which is what the answer says
	return s.Operator.Status(ctx)
}

func (s operations) Check(req *pb.CheckRequest, stream grpc.ServerStreamingServer[pb.CheckResponse]) error {
	if err := s.operate(stream.Context(), req, audit.Operation{Name: "check"}); err != nil {
		return err
	}
	return s.Operator.Check(stream.Context(), stream.Send)
}

func (s operations) Rebuild(ctx context.Context, req *pb.RebuildRequest) (*pb.RebuildResponse, error) {
	if err := s.operate(ctx, req, audit.Operation{Name: "rebuild", Detail: req.GetIndex()}); err != nil {
		return nil, err
	}
	return &pb.RebuildResponse{}, s.Operator.Rebuild(ctx, req.GetIndex())
}

func (s operations) Backup(req *pb.BackupRequest, stream grpc.ServerStreamingServer[pb.BackupResponse]) error {
	if err := s.operate(stream.Context(), req, audit.Operation{Name: "backup"}); err != nil {
		return err
	}
	return s.Operator.Backup(stream.Context(), req.GetHave(), stream.Send)
}

// operate validates and records an operation before it begins.
func (h *handler) operate(ctx context.Context, req proto.Message, what audit.Operation) error {
	c, err := callOf(ctx)
	if err != nil {
		return err
	}
	if err := h.validate(req); err != nil {
		return err
	}
	_, err = h.record(ctx, c, audit.Record{Kind: audit.KindOperate, Operation: &what})
	return err
}

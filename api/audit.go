package api

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/muniment/muniment/audit"
	pb "github.com/muniment/muniment/proto/muniment/v1"
)

type auditing struct {
	pb.UnimplementedAuditServiceServer
	*handler
}

func (s auditing) GetCheckpoint(ctx context.Context, req *pb.GetCheckpointRequest) (*pb.GetCheckpointResponse, error) {
	c, err := callOf(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.validate(req); err != nil {
		return nil, err
	}
	if _, err := s.record(ctx, c, audit.Record{Kind: "read", Read: &audit.Read{ID: "checkpoint"}}); err != nil {
		return nil, err
	}
	note, err := s.Audit.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	return &pb.GetCheckpointResponse{Checkpoint: string(note)}, nil
}

func (s auditing) GetConsistencyProof(ctx context.Context, req *pb.GetConsistencyProofRequest) (*pb.GetConsistencyProofResponse, error) {
	c, err := callOf(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.validate(req); err != nil {
		return nil, err
	}
	proof, err := s.Audit.Consistency(ctx, req.GetOldSize(), req.GetSize())
	if errors.Is(err, audit.ErrSize) {
		return nil, fieldError{"size", err}
	}
	if err != nil {
		return nil, err
	}
	what := fmt.Sprintf("consistency of %d and %d", req.GetOldSize(), req.GetSize())
	if _, err := s.record(ctx, c, audit.Record{Kind: audit.KindRead, Read: &audit.Read{ID: what}}); err != nil {
		return nil, err
	}
	return &pb.GetConsistencyProofResponse{Proof: inHex(proof)}, nil
}

// inHex is hashes as the contract has them.
func inHex(hashes []tlog.Hash) (list []string) {
	for _, h := range hashes {
		list = append(list, hex.EncodeToString(h[:]))
	}
	return list
}

func (s auditing) GetRecord(ctx context.Context, req *pb.GetRecordRequest) (*pb.GetRecordResponse, error) {
	c, err := callOf(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.validate(req); err != nil {
		return nil, err
	}
	item, err := s.named(ctx, "receipt", req.GetReceipt())
	if err != nil {
		return nil, err
	}
	record, entry := item.Record, item.Entry
	body, err := json.Marshal(record.WithoutText())
	if err != nil {
		return nil, err
	}
	if _, err := s.record(ctx, c, audit.Record{Kind: "read", Read: &audit.Read{ID: "record " + record.ID}}); err != nil {
		return nil, err
	}
	note, err := s.Audit.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	checkpoint, err := audit.ReadCheckpoint(note)
	if err != nil {
		return nil, err
	}
	proof, err := s.Audit.Inclusion(ctx, entry.Index, checkpoint.N)
	if err != nil {
		return nil, err
	}
	return &pb.GetRecordResponse{
		Index: entry.Index, Time: timestamppb.New(record.Time), Record: string(body),
		LeafHash: hex.EncodeToString(entry.Leaf[:]), InclusionProof: inHex(proof), Checkpoint: string(note),
	}, nil
}

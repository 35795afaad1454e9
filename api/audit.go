package api

import (
	"context"
	"encoding/hex"
	"encoding/json"

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
	resp := &pb.GetRecordResponse{
		Index: entry.Index, Time: timestamppb.New(record.Time), Record: string(body),
		LeafHash: hex.EncodeToString(entry.Leaf[:]), Checkpoint: string(note),
	}
	for _, hash := range proof {
		resp.InclusionProof = append(resp.InclusionProof, hex.EncodeToString(hash[:]))
	}
	return resp, nil
}

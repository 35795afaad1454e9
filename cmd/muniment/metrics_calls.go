package main

import (
	"context"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// interceptors measure every call as its caller sees it.
func (m *metrics) interceptors() []grpc.ServerOption {
	return []grpc.ServerOption{grpc.ChainUnaryInterceptor(m.unary), grpc.ChainStreamInterceptor(m.stream)}
}

func (m *metrics) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	start := time.Now()
	resp, err := next(ctx, req)
	m.ended(info.FullMethod, start, err)
	if answer, ok := resp.(*pb.RetrieveResponse); ok {
		for _, d := range answer.GetDegradations() {
			m.degraded.WithLabelValues(d.String()).Inc()
		}
	}
	return resp, err
}

func (m *metrics) stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	start := time.Now()
	err := next(srv, countedStream{ss, m})
	m.ended(info.FullMethod, start, err)
	return err
}

func (m *metrics) ended(method string, start time.Time, err error) {
	took := time.Since(start).Seconds()
	m.calls.WithLabelValues(method).Observe(took)
	m.answered.WithLabelValues(method, status.Code(err).String()).Inc()
	if limit := refusedBy(err); limit != "" {
		m.refused.WithLabelValues(limit).Inc()
	}
	if method == pb.RetrievalService_Retrieve_FullMethodName {
		m.retrieve.Observe(took)
	}
}

// refusedBy is the limit at the door that a call was refused by, "" if by none.
func refusedBy(err error) string {
	if err == nil {
		return ""
	}
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			switch info.GetReason() {
			case "RATE_LIMITED":
				return info.GetMetadata()["limit"]
			case "MESSAGE_TOO_LONG":
				return "message"
			case "TOO_SLOW":
				return "patience"
			}
		}
	}
	return ""
}

// countedStream counts the acknowledgements that are sent on a stream.
type countedStream struct {
	grpc.ServerStream
	metrics *metrics
}

// SendMsg implements grpc.ServerStream.
func (s countedStream) SendMsg(message any) error {
	err := s.ServerStream.SendMsg(message)
	if ack, ok := message.(*pb.IngestResponse); ok && err == nil {
		s.metrics.items.WithLabelValues(ack.GetStatus().String()).Inc()
	}
	return err
}

package main

import (
	"context"
	"testing"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// TestHealthNeedsNoToken, and says nothing but that the server is up.
func TestHealthNeedsNoToken(t *testing.T) {
	t.Parallel()
	s := startServer(t, t.TempDir())
	resp, err := healthpb.NewHealthClient(s.conn).Check(context.Background(), &healthpb.HealthCheckRequest{})
	if err != nil || resp.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("health: %v, %v", resp, err)
	}
}

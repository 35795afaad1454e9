package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/reflection"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
)

// adminServer answers what is for whoever operates the machine and for nobody else: profiles
// of the process below /debug/pprof/, and which services and messages there are, by gRPC
// reflection. It calls no service: what may be asked of documents is asked at the door.
type adminServer struct {
	addr string
	http *http.Server
	grpc *grpc.Server
}

// serveAdmin begins to answer on a loopback address, about the services of api.
func serveAdmin(address string, api reflection.ServiceInfoProvider) (*adminServer, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening for the administrator: %w", err)
	}
	s := &adminServer{addr: listener.Addr().String(), grpc: grpc.NewServer(grpc.MaxRecvMsgSize(64 << 10))}
	reflectionpb.RegisterServerReflectionServer(s.grpc, reflection.NewServerV1(reflection.ServerOptions{Services: api}))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	both := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
			s.grpc.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
	s.http = &http.Server{
		Handler:           toThisMachine(notFromPages(both)),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       2 * time.Minute,
		WriteTimeout:      2 * time.Minute, // a profile takes 30 s unless another time is asked for
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		Protocols:         new(http.Protocols),
	}
	s.http.Protocols.SetHTTP1(true)
	s.http.Protocols.SetUnencryptedHTTP2(true)
	go s.http.Serve(listener) // it ends with close
	return s, nil
}

// notFromPages refuses what a browser asks for on behalf of a page of another site, which
// could make the server profile itself all day though it cannot read the answer.
func notFromPages(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "none" && site != "same-origin" {
			http.Error(w, "not for pages of other sites", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// close cuts off what takes longer than a moment.
func (s *adminServer) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	defer s.grpc.Stop()
	if err := s.http.Shutdown(ctx); err != nil {
		return s.http.Close()
	}
	return nil
}

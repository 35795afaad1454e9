package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// maxMessageBytes is the largest message a client sends or takes.
const maxMessageBytes = 64 << 20

// client is what every client verb is told on the command line or by the environment.
type client struct {
	addr, token string
	ca          string // a file with whom to trust
	certificate string // the server's own, to trust that alone
}

func (c *client) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.addr, "addr", "", "the server's address (default MUNIMENT_ADDR, else 127.0.0.1:7600)")
	cmd.Flags().StringVar(&c.ca, "ca", "", "a PEM file with the certificates to trust, for a server with TLS (default MUNIMENT_CA, else this machine's)")
	cmd.Flags().StringVar(&c.token, "token", "", "the caller's token (default MUNIMENT_TOKEN); see 'muniment token'")
}

// dial connects and returns a context that carries the token.
func (c *client) dial(ctx context.Context) (context.Context, *grpc.ClientConn, error) {
	addr := first(c.addr, os.Getenv("MUNIMENT_ADDR"), "127.0.0.1:7600")
	token := strings.TrimSpace(first(c.token, os.Getenv("MUNIMENT_TOKEN")))
	if token == "" {
		return nil, nil, usagef("no token: pass --token or set MUNIMENT_TOKEN; make one with 'muniment token'")
	}
	secured, err := c.transport(addr)
	if err != nil {
		return nil, nil, usagef("--ca: %w", err)
	}
	conn, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(secured),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessageBytes), grpc.MaxCallSendMsgSize(maxMessageBytes)))
	if err != nil {
		return nil, nil, usagef("--addr: %w", err)
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token), conn, nil
}

// transport is how the connection is protected: by TLS, unless the server is on this machine
// and nothing says that it has a certificate.
func (c *client) transport(addr string) (credentials.TransportCredentials, error) {
	ca := first(c.ca, os.Getenv("MUNIMENT_CA"))
	var protect *tls.Config
	var err error
	switch {
	case c.ca == "" && c.certificate != "":
		protect, err = pinned(c.certificate)
	case ca == "" && loopback(addr) == nil:
		return insecure.NewCredentials(), nil
	default:
		protect, err = roots(ca)
	}
	if err != nil {
		return nil, err
	}
	return credentials.NewTLS(protect), nil
}

// explain puts an error in plain words for a person at a terminal.
func explain(err error) string {
	if c, ok := errors.AsType[codedError](err); ok {
		return c.text
	}
	s, ok := status.FromError(err)
	if !ok || s.Code() == codes.OK {
		return err.Error()
	}
	switch {
	case s.Code() == codes.Unavailable && reason(s) == "":
		return "cannot reach the server: " + s.Message() + "\nis 'muniment serve' running, and is --addr right?"
	case reason(s) == "TOKEN_EXPIRED":
		return "the token has expired; make a new one with 'muniment token'"
	}
	return refusal(s)
}

// refusal is a status in one line: what is wrong, and the reason a script can rely on.
func refusal(s *status.Status) string {
	text := s.Message()
	for _, d := range s.Details() {
		if bad, ok := d.(*errdetails.BadRequest); ok {
			var fields []string
			for _, v := range bad.GetFieldViolations() {
				fields = append(fields, v.GetField()+": "+v.GetDescription())
			}
			text = strings.Join(fields, "; ")
		}
	}
	if r := reason(s); r != "" {
		text += " (" + r + ")"
	}
	return text
}

func reason(s *status.Status) string {
	for _, d := range s.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return ""
}

// printJSON writes the message as compact protojson with proto field names, empty lists
// included. The extra pass takes out the spaces that protojson puts in at random.
func printJSON(w io.Writer, m proto.Message) error {
	b, err := protojson.MarshalOptions{UseProtoNames: true, EmitDefaultValues: true}.Marshal(m)
	if err != nil {
		return err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, b); err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, compact.String())
	return err
}

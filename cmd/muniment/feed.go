package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// The largest item the server takes, and the longest line of a feed: JSON may need several
// bytes for one.
const (
	maxItemBytes = 20 << 20
	maxLineBytes = 4 * maxItemBytes
)

// readFeed calls each with every line of a feed file that is not blank: the message, or
// why the line is none. It ends at the first error that each returns.
func readFeed(file string, each func(line int, req *pb.IngestRequest, bad error) error) error {
	in, err := openFeed(file)
	if err != nil {
		return err
	}
	defer in.Close()
	lines := bufio.NewReaderSize(in, 1<<20)
	for n := 1; ; n++ {
		line, tooLong, err := readLine(lines)
		if err != nil && !errors.Is(err, io.EOF) {
			return usagef("%s:%d: %w", file, n, err)
		}
		if len(bytes.TrimSpace(line)) > 0 || tooLong {
			req := &pb.IngestRequest{}
			if err := each(n, req, parseLine(line, tooLong, req)); err != nil {
				return err
			}
		}
		if err != nil {
			return nil
		}
	}
}

// readLine returns the next line, at most maxLineBytes of it, and whether there was more.
func readLine(r *bufio.Reader) (line []byte, tooLong bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > maxLineBytes {
			tooLong = true
		} else {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, tooLong, err
		}
	}
}

func parseLine(line []byte, tooLong bool, req *pb.IngestRequest) error {
	if tooLong {
		return fmt.Errorf("line: over %d bytes (MESSAGE_TOO_LONG)", maxLineBytes)
	}
	if !utf8.Valid(line) {
		for i := 0; i < len(line); {
			r, n := utf8.DecodeRune(line[i:])
			if r == utf8.RuneError && n == 1 {
				return fmt.Errorf("line: not valid UTF-8 at byte %d (MALFORMED)", i+1)
			}
			i += n
		}
	}
	if err := protojson.Unmarshal(line, req); err != nil {
		text := strings.ReplaceAll(err.Error(), "\u00a0", " ") // protojson varies its spaces
		return fmt.Errorf("%s (MALFORMED)", strings.TrimSpace(strings.TrimPrefix(text, "proto:")))
	}
	if n := proto.Size(req); n > maxItemBytes {
		return fmt.Errorf("line: an item of %d bytes, at most %d (MESSAGE_TOO_LONG)", n, maxItemBytes)
	}
	return nil
}

// feedReader closes the file below a gzip reader too.
type feedReader struct {
	io.Reader
	close func() error
}

func (f feedReader) Close() error { return f.close() }

// openFeed opens a file, or standard input for "-", and unpacks gzip by its first bytes.
func openFeed(file string) (io.ReadCloser, error) {
	in := os.Stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, usageError{err}
		}
		in = f
	}
	buffered := bufio.NewReaderSize(in, 1<<16)
	if magic, err := buffered.Peek(2); err != nil || magic[0] != 0x1f || magic[1] != 0x8b {
		return feedReader{buffered, in.Close}, nil
	}
	unpacked, err := gzip.NewReader(buffered)
	if err != nil {
		in.Close()
		return nil, usagef("%s: %w", file, err)
	}
	return feedReader{unpacked, in.Close}, nil
}

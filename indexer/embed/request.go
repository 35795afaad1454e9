package embed

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strconv"
	"time"
)

// ErrTooLong says that the server will not embed that much text at once. Fewer or shorter
// texts may do.
var ErrTooLong = errors.New("embed: more text than the embedding server takes")

// StatusError is an answer of the server that is not a success.
type StatusError struct {
	Code  int
	After time.Duration // when to ask again, if the server said so
}

// Error implements error. What the server wrote besides is left out: it may repeat texts.
func (e *StatusError) Error() string {
	switch {
	case e.Code == http.StatusUnauthorized || e.Code == http.StatusForbidden:
		return fmt.Sprintf("status %d: the key in key_file is missing or not accepted", e.Code)
	case e.Code == http.StatusNotFound:
		return "status 404: url is not the base of an OpenAI-compatible API, or it has no such model"
	case e.Code >= 300 && e.Code < 400:
		return fmt.Sprintf("status %d: a redirect, which is not followed; set url to where it leads", e.Code)
	}
	return fmt.Sprintf("status %d %s", e.Code, http.StatusText(e.Code))
}

// post makes one attempt.
func (s *Server) post(ctx context.Context, body []byte, texts int) ([][]float32, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.endpoint, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	if s.config.Key != "" {
		req.Header.Set("Authorization", "Bearer "+s.config.Key)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, refusal(resp)
	}
	most := 64<<10 + texts*8192*32 // bytes; a number takes fewer than 32
	answer, err := io.ReadAll(io.LimitReader(resp.Body, int64(most)+1))
	switch {
	case err != nil:
		return nil, err
	case len(answer) > most:
		return nil, fmt.Errorf("%w: more than %d bytes for %d texts", ErrAnswer, most, texts)
	}
	return s.vectors(answer, texts)
}

// saysTooLong recognises a length that the server minds, in the words of vLLM, llama.cpp,
// OpenAI and TEI, which do not agree on a status for it.
var saysTooLong = regexp.MustCompile(`(?i)too (long|large|many tokens)|max(imum)?[ _]((context|input|model)[ _])?len|context (length|size|window)|less than \d+ tokens`)

// refusal makes an error of a response that is not a success.
func refusal(resp *http.Response) error {
	switch resp.StatusCode {
	case http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return ErrTooLong
	case http.StatusBadRequest, http.StatusInternalServerError:
		text, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // what there is of it will do
		if saysTooLong.Match(text) {
			return ErrTooLong
		}
	}
	return &StatusError{Code: resp.StatusCode, After: retryAfter(resp.Header.Get("Retry-After"))}
}

// retryAfter reads the header: seconds, or a date.
func retryAfter(value string) time.Duration {
	if seconds, err := strconv.Atoi(value); err == nil && seconds > 0 {
		return time.Duration(min(seconds, 24*3600)) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// passing reports whether the same request may succeed a little later.
func passing(err error) bool {
	if errors.Is(err, ErrTooLong) || errors.Is(err, ErrAnswer) {
		return false
	}
	if status, ok := errors.AsType[*StatusError](err); ok {
		return status.Code == http.StatusRequestTimeout || status.Code == http.StatusTooManyRequests || status.Code >= 500
	}
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	return !untrusted // the network's
}

// pauseAfter is how long to wait after the attempt failed: anything up to a bound that
// doubles (full jitter, so that many who failed together do not come back together), and at
// least what the server asked for.
func pauseAfter(attempt int, err error) time.Duration {
	d := jitter(firstPause, longestPause, attempt-1)
	if status, ok := errors.AsType[*StatusError](err); ok {
		d += status.After
	}
	return d
}

// jitter is a random time up to first, doubled n times, but not more than longest.
func jitter(first, longest time.Duration, n int) time.Duration {
	bound := longest
	if n < 30 {
		bound = min(first<<n, longest)
	}
	return rand.N(bound + 1)
}

// errNoTime ends a request whose next attempt would come too late.
var errNoTime = errors.New("the next attempt would come too late")

// sleep waits, unless ctx will be done before.
func sleep(ctx context.Context, d time.Duration) error {
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= d {
		return errNoTime
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

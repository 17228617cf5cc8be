// Package answer tells a definite no of Secrets Manager's from no answer, and keeps
// of an SDK error what may be kept: its chain ends in the HTTP response, which holds
// the signed request and its session token.
package answer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"unicode"

	"github.com/aws/smithy-go"
)

// ErrEmpty is an answer that does not say which secret it is about: no name and no ARN, as
// a proxy gives that answers with no content. It says nothing. A write may have taken effect.
var ErrEmpty = errors.New("the answer is empty, it names no secret: look for a proxy or an endpoint that is not Secrets Manager; a write may have taken effect")

// Sentinels are what its callers call the kinds of failures.
type Sentinels struct {
	Unavailable, NotFound, AccessDenied, PendingDeletion error

	// Refused is what a write is that would be refused again.
	Refused error

	WrongTenant, Malformed error // not of an SDK error, but of what was answered
}

// Explain tells a definite no from no answer. A code in neither list says nothing
// about the secret: it is transient.
func (s Sentinels) Explain(err error) *Failure {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return s.noAnswer(err)
	}
	kept := keep(err, api)
	f := &Failure{Sentinel: s.Unavailable, Detail: kept.Error(), Cause: kept}
	switch api.ErrorCode() {
	case "ResourceNotFoundException":
		f.Sentinel, f.Definite = s.NotFound, true
	case "AccessDeniedException", "DecryptionFailure":
		f.Sentinel, f.Definite = s.AccessDenied, true
	}
	return f
}

// ExplainRead is Explain for a request that may find a secret scheduled for deletion.
func (s Sentinels) ExplainRead(err error) *Failure {
	f := s.Explain(err)
	if SaysDeleted(err) {
		f.Sentinel, f.Definite = s.PendingDeletion, true
	}
	return f
}

// Bare is Explain without a word of Secrets Manager's but its code and the request ID.
func (s Sentinels) Bare(err error) *Failure {
	f := s.Explain(err)
	var kept *apiError
	if errors.As(f, &kept) {
		kept = kept.bare()
		f.Detail, f.Cause = kept.Error(), kept
	}
	return f
}

// Transient is a failure that says nothing about the secret.
func (s Sentinels) Transient(format string, args ...any) *Failure {
	return &Failure{Sentinel: s.Unavailable, Detail: fmt.Sprintf(format, args...)}
}

func keep(err error, api smithy.APIError) *apiError {
	kept := &apiError{code: Printable(api.ErrorCode()), message: Printable(api.ErrorMessage()), fault: api.ErrorFault()}
	var requested interface{ ServiceRequestID() string }
	if errors.As(err, &requested) {
		kept.requestID = Printable(requested.ServiceRequestID())
	}
	return kept
}

// Printable keeps what a server sent from forging a line in a log, or filling it.
func Printable(s string) string {
	s = strings.ToValidUTF8(s[:min(len(s), maxMessage)], "")
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
}

const maxMessage = 1024

// noAnswer describes an error that Secrets Manager did not send. Only words that
// are known to hold no payload are repeated.
func (s Sentinels) noAnswer(err error) *Failure {
	var (
		dns     *net.DNSError
		network *net.OpError
		timeout interface{ Timeout() bool }
		decode  *smithy.DeserializationError
	)
	switch {
	case errors.Is(err, ErrEmpty):
		return s.Transient("%v", ErrEmpty)
	case errors.Is(err, context.DeadlineExceeded):
		return s.Transient("no answer in time")
	case errors.Is(err, context.Canceled):
		return s.Transient("the call was cancelled")
	case errors.As(err, &dns):
		return s.Transient("%v", dns)
	case errors.As(err, &network):
		return s.Transient("%s", describeNetwork(network))
	case errors.As(err, &decode):
		return s.Transient("the answer could not be read")
	case errors.As(err, &timeout) && timeout.Timeout():
		return s.Transient("no answer in time")
	default:
		return s.Transient("the call failed before an answer came (%T): check credentials, Region and network", innermost(err))
	}
}

// describeNetwork says what the operating system said: an error of another kind
// inside may hold anything.
func describeNetwork(err *net.OpError) string {
	text := err.Op + " " + err.Net
	if err.Addr != nil {
		text += " " + err.Addr.String()
	}
	var system syscall.Errno
	switch {
	case errors.As(err.Err, &system):
		return text + ": " + system.Error()
	case err.Timeout():
		return text + ": no answer in time"
	}
	return text + ": the connection failed"
}

// innermost follows a chain of single causes to its end.
func innermost(err error) error {
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(err) {
		err = next
	}
	return err
}

// Code returns the AWS error code, or "".
func Code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// Unanswered tells whether a request may have taken effect all the same.
func Unanswered(err error) bool {
	var api smithy.APIError
	return !errors.As(err, &api) || api.ErrorFault() == smithy.FaultServer
}

// SaysDeleted tells whether the answer is that the secret is scheduled for deletion,
// which is told from other invalid requests by its text alone.
func SaysDeleted(err error) bool {
	return Code(err) == "InvalidRequestException" && strings.Contains(messageOf(err), "marked for deletion")
}

// messageOf returns the message of an AWS error, or "".
func messageOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorMessage()
	}
	return ""
}

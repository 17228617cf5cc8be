package tenantsecrets

import (
	"context"
	"errors"
	"net"
	"strings"
	"syscall"
	"unicode"

	"github.com/aws/smithy-go"
)

// explain tells a definite no from no answer, and keeps of an SDK error what may
// be kept. A code in neither list says nothing about the secret: it is transient.
func explain(err error) *failure {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return noAnswer(err)
	}
	kept := keep(err, api)
	f := &failure{sentinel: ErrUnavailable, detail: kept.Error(), cause: kept}
	switch api.ErrorCode() {
	case "ResourceNotFoundException":
		f.sentinel, f.definite = ErrNotFound, true
	case "AccessDeniedException", "DecryptionFailure":
		f.sentinel, f.definite = ErrAccessDenied, true
	}
	return f
}

// bare is explain without a word of Secrets Manager's but its code.
func bare(err error) *failure {
	f := explain(err)
	var kept *apiError
	if errors.As(f, &kept) {
		kept = &apiError{code: kept.code, requestID: kept.requestID, fault: kept.fault}
		f.detail, f.cause = kept.Error(), kept
	}
	return f
}

func keep(err error, api smithy.APIError) *apiError {
	kept := &apiError{code: printable(api.ErrorCode()), message: printable(api.ErrorMessage()), fault: api.ErrorFault()}
	var requested interface{ ServiceRequestID() string }
	if errors.As(err, &requested) {
		kept.requestID = printable(requested.ServiceRequestID())
	}
	return kept
}

// printable keeps what a server sent from forging a line in a log, or filling it.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s[:min(len(s), maxMessage)])
	return strings.ToValidUTF8(s, "")
}

const maxMessage = 1024

// noAnswer describes an error that Secrets Manager did not send. Only words that
// are known to hold no payload are repeated.
func noAnswer(err error) *failure {
	var (
		dns     *net.DNSError
		network *net.OpError
		timeout interface{ Timeout() bool }
		decode  *smithy.DeserializationError
	)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return transient("no answer in time")
	case errors.Is(err, context.Canceled):
		return transient("the call was cancelled")
	case errors.As(err, &dns):
		return transient("%v", dns)
	case errors.As(err, &network):
		return transient("%s", describeNetwork(network))
	case errors.As(err, &decode):
		return transient("the answer could not be read")
	case errors.As(err, &timeout) && timeout.Timeout():
		return transient("no answer in time")
	default:
		return transient("the call failed before an answer came (%T): check credentials, Region and network", innermost(err))
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

// code returns the AWS error code, or "".
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

package secretstest

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	smithy "github.com/aws/smithy-go"
)

// keptCalls bounds the call log; the oldest calls go first.
const keptCalls = 1 << 16

// keptText is how many bytes of each text of a call the log keeps, the longest
// that a SecretId may have; keptIDs is how many of its SecretIDs.
const (
	keptText = 2048
	keptIDs  = 2 * batched
)

// Codes in the log for calls that got no answer. They are not the service's.
const (
	// CodeConnectionReset is a call whose connection broke, before or after it
	// took effect, or during which a function given to the backend panicked.
	CodeConnectionReset = "ConnectionReset"

	// CodeCanceled is a call whose context ended while a fault delayed it, or
	// during a rotation.
	CodeCanceled = "Canceled"
)

// Call is one call as it reached the service. It holds no secret value. Texts
// beyond 2,048 bytes, and SecretIDs beyond 40, which the service refuses
// anyway, are cut off.
type Call struct {
	Operation    string    // "GetSecretValue"
	SecretID     string    // as it was sent: name or ARN; the Name in CreateSecret
	SecretIDs    []string  // as they were sent in BatchGetSecretValue
	VersionID    string    // the version asked for, moved to, or made: the token of a write
	VersionStage string    // as it was sent; several are joined with commas
	Code         string    // the error's code; empty: the call succeeded, or is under way
	HTTP         bool      // it came through the handler
	At           time.Time // when it arrived, by the backend's clock
}

// Calls returns the calls so far, oldest first: at most the last 65,536 since
// [New] or [Backend.ClearCalls]. Calls that never reached the service are not
// among them: ones with a required member missing, or whose context had ended.
func (b *Backend) Calls() []Call { return b.calls.list() }

// ClearCalls empties the log.
func (b *Backend) ClearCalls() { b.calls.clear() }

// callLog is the calls in order of arrival.
type callLog struct {
	off   bool
	mu    sync.Mutex
	calls []*Call
}

func (l *callLog) add(call Call) *Call {
	if l.off {
		return nil
	}
	call.cut()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.calls) == keptCalls {
		l.calls = slices.Delete(l.calls, 0, keptCalls/2)
	}
	l.calls = append(l.calls, &call)
	return &call
}

// cut bounds what a call keeps in memory.
func (c *Call) cut() {
	for _, text := range []*string{&c.Operation, &c.SecretID, &c.VersionID, &c.VersionStage} {
		*text = cutText(*text)
	}
	c.SecretIDs = slices.Clone(c.SecretIDs[:min(len(c.SecretIDs), keptIDs)]) // the faults see all of them
	for i, id := range c.SecretIDs {
		c.SecretIDs[i] = cutText(id)
	}
}

func cutText(text string) string {
	if len(text) <= keptText {
		return text
	}
	return strings.Clone(text[:keptText]) // frees the rest
}

// finish notes how a call ended.
func (l *callLog) finish(call *Call, err error) {
	if call == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	call.Code = codeOf(err)
}

func (l *callLog) list() []Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	calls := make([]Call, len(l.calls))
	for i, call := range l.calls {
		calls[i] = *call
		calls[i].SecretIDs = slices.Clone(call.SecretIDs)
	}
	return calls
}

func (l *callLog) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = nil
}

func codeOf(err error) string {
	if err == nil {
		return ""
	}
	if api, ok := asAPIError(err); ok {
		return api.ErrorCode()
	}
	if errors.As(err, new(*smithy.CanceledError)) {
		return CodeCanceled
	}
	return CodeConnectionReset
}

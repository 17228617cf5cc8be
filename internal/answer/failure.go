package answer

import (
	"fmt"

	"github.com/aws/smithy-go"
)

// Failure is a sentinel with what else is known.
type Failure struct {
	Sentinel error
	Detail   string // words of our own or of Secrets Manager; may be empty
	Cause    error  // for errors.Is and errors.As; may be nil
	Definite bool   // a definite no, as opposed to no answer
}

func (f *Failure) Error() string {
	if f.Detail == "" {
		return f.Sentinel.Error()
	}
	return f.Sentinel.Error() + " (" + f.Detail + ")"
}

// Unwrap returns the sentinel and the cause.
func (f *Failure) Unwrap() []error {
	if f.Cause == nil {
		return []error{f.Sentinel}
	}
	return []error{f.Sentinel, f.Cause}
}

// Definite is a failure that a further try would not mend.
func Definite(sentinel error, format string, args ...any) *Failure {
	return &Failure{Sentinel: sentinel, Detail: fmt.Sprintf(format, args...), Definite: true}
}

// apiError is what is kept of an AWS error.
type apiError struct {
	code, message, requestID string
	fault                    smithy.ErrorFault
}

func (e *apiError) Error() string {
	text := e.code
	if e.message != "" {
		text += ": " + e.message
	}
	if e.requestID != "" {
		text += ", request " + e.requestID
	}
	return text
}

func (e *apiError) ErrorCode() string             { return e.code }
func (e *apiError) ErrorMessage() string          { return e.message }
func (e *apiError) ErrorFault() smithy.ErrorFault { return e.fault }

// ServiceRequestID is found by errors.As under the SDK's own name for it.
func (e *apiError) ServiceRequestID() string { return e.requestID }

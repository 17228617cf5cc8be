package secretstest

import (
	"net"
	"os"
	"syscall"

	smithy "github.com/aws/smithy-go"
)

// The errors below are for [Fault.Err]. A call that meets one returns it in the
// SDK's chain and types; an HTTP request gets it as the service's answer.

// Throttling is the answer to calls beyond the rate limit. The code is not in
// the service model, so errors.As finds it as a smithy.APIError only.
func Throttling() error { return failure("ThrottlingException", "Rate exceeded") }

// InternalError is a failure of the service, with HTTP status 500.
func InternalError() error {
	return &smithy.GenericAPIError{
		Code:    "InternalServiceError",
		Message: "An error occurred on the server side.",
		Fault:   smithy.FaultServer,
	}
}

// AccessDenied is a refusal by IAM. The code is not in the service model.
func AccessDenied() error {
	return failure("AccessDeniedException",
		"User is not authorized to perform this operation because no identity-based policy allows it")
}

// KMSDenied is a refusal by KMS to let the caller use the secret's key. Only the
// message tells it from AccessDenied.
func KMSDenied() error { return failure("AccessDeniedException", "Access to KMS is not allowed") }

// KMSDisabled is the answer for a secret whose KMS key is disabled, from the
// service model: no recorded answer of the service is known.
func KMSDisabled() error {
	return failure("DecryptionFailure",
		"Secrets Manager can't decrypt the protected secret text using the provided KMS key.")
}

// ExpiredToken is the answer to credentials whose session has ended. The code is
// not in the service model.
func ExpiredToken() error {
	return failure("ExpiredTokenException", "The security token included in the request is expired")
}

// ConnectionReset is no answer at all: the connection breaks. HTTP clients see
// it break too. Any other error that is not a smithy.APIError does the same.
func ConnectionReset() error {
	return &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
}

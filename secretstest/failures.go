package secretstest

import smithy "github.com/aws/smithy-go"

// The service's refusals, as code and message; the way out of a call turns them
// into the SDK's types or into HTTP.

func failure(code, message string) error {
	return &smithy.GenericAPIError{Code: code, Message: message, Fault: smithy.FaultClient}
}

func invalidRequest(message string) error   { return failure("InvalidRequestException", message) }
func invalidParameter(message string) error { return failure("InvalidParameterException", message) }
func notFound(message string) error         { return failure("ResourceNotFoundException", message) }
func alreadyExists(message string) error    { return failure("ResourceExistsException", message) }
func limitExceeded(message string) error    { return failure("LimitExceededException", message) }
func validation(message string) error       { return failure("ValidationException", message) }

func secretNotFound() error {
	return notFound("Secrets Manager can't find the specified secret.")
}

func markedForDeletion() error {
	return invalidRequest("You can't perform this operation on the secret because it was marked for deletion.")
}

// notImitated refuses a member whose effect this package does not have; to
// ignore it would show a test something else than the service does.
func notImitated(member string, given bool, why string) error {
	if given {
		return invalidParameter("secretstest " + why + ": " + member + " is not imitated.")
	}
	return nil
}

func tokenInUse(token, arn string) error { return alreadyExists(tokenInUseText(token, arn)) }

func tokenInUseText(token, arn string) string {
	return "You can't use ClientRequestToken " + token +
		" because that value is already in use for a version of secret " + arn + "."
}

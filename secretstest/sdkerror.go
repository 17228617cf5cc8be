package secretstest

import (
	"errors"
	"net/http"
	"net/url"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	smithy "github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// serviceID is the name the SDK's errors carry.
const serviceID = "Secrets Manager"

// sdkError dresses an error of a call as the SDK's client would return it.
func sdkError(operation, requestID string, err error) error {
	response := &http.Response{Header: http.Header{}, Body: http.NoBody}
	if api, ok := asAPIError(err); ok {
		response.StatusCode = statusOf(api)
		response.Header.Set(requestIDHeader, requestID)
		err = typedError(api)
	} else { // no answer, which the SDK reports with status 0 and no request id
		requestID, err = "", transportError(err)
	}
	return &smithy.OperationError{ServiceID: serviceID, OperationName: operation, Err: &awshttp.ResponseError{
		RequestID:     requestID,
		ResponseError: &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: response}, Err: err},
	}}
}

// transportError is how the SDK reports that no answer came.
func transportError(err error) error {
	var canceled *smithy.CanceledError
	if errors.As(err, &canceled) {
		return canceled
	}
	return &smithyhttp.RequestSendError{Err: &url.Error{Op: "Post", URL: "https://secretsmanager.invalid/", Err: err}}
}

func asAPIError(err error) (api smithy.APIError, ok bool) {
	ok = errors.As(err, &api)
	return api, ok
}

// statusOf is the HTTP status of an answer. The service gives 400 to every
// error of the client, ResourceNotFoundException too.
func statusOf(api smithy.APIError) int {
	if api.ErrorFault() == smithy.FaultServer {
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

// typedError makes the SDK's own error of a code: an exception type if the
// service model has one, else a GenericAPIError, whose fault the SDK leaves
// unknown.
func typedError(api smithy.APIError) error {
	message := api.ErrorMessage()
	if exception := exceptions[api.ErrorCode()]; exception != nil {
		return exception(&message)
	}
	return &smithy.GenericAPIError{Code: api.ErrorCode(), Message: message}
}

// exceptions holds the errors of the service model by code.
var exceptions = map[string]func(message *string) error{
	"DecryptionFailure":                func(m *string) error { return &types.DecryptionFailure{Message: m} },
	"EncryptionFailure":                func(m *string) error { return &types.EncryptionFailure{Message: m} },
	"InternalServiceError":             func(m *string) error { return &types.InternalServiceError{Message: m} },
	"InvalidNextTokenException":        func(m *string) error { return &types.InvalidNextTokenException{Message: m} },
	"InvalidParameterException":        func(m *string) error { return &types.InvalidParameterException{Message: m} },
	"InvalidRequestException":          func(m *string) error { return &types.InvalidRequestException{Message: m} },
	"LimitExceededException":           func(m *string) error { return &types.LimitExceededException{Message: m} },
	"MalformedPolicyDocumentException": func(m *string) error { return &types.MalformedPolicyDocumentException{Message: m} },
	"PreconditionNotMetException":      func(m *string) error { return &types.PreconditionNotMetException{Message: m} },
	"PublicPolicyException":            func(m *string) error { return &types.PublicPolicyException{Message: m} },
	"ResourceExistsException":          func(m *string) error { return &types.ResourceExistsException{Message: m} },
	"ResourceNotFoundException":        func(m *string) error { return &types.ResourceNotFoundException{Message: m} },
}

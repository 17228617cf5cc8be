package secretstest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	smithy "github.com/aws/smithy-go"
)

const (
	requestIDHeader = "X-Amzn-Requestid"
	targetPrefix    = "secretsmanager." // before the operation in X-Amz-Target
	contentType     = "application/x-amz-json-1.1"
	maxBody         = 1 << 20 // bytes; the largest legal request is about half of it, escapes included
)

// served is an operation seen from HTTP.
type served interface {
	serve(ctx context.Context, b *Backend, from origin, body []byte) (smithy.Serializable, error)
}

// operations is everything the handler serves, by the name in X-Amz-Target.
var operations = map[string]served{
	createSecret.name:             &createSecret,
	describeSecret.name:           &describeSecret,
	getSecretValue.name:           &getSecretValue,
	batchGetSecretValue.name:      &batchGetSecretValue,
	putSecretValue.name:           &putSecretValue,
	updateSecretVersionStage.name: &updateSecretVersionStage,
	updateSecret.name:             &updateSecret,
	deleteSecret.name:             &deleteSecret,
	restoreSecret.name:            &restoreSecret,
	listSecrets.name:              &listSecrets,
	listSecretVersionIDs.name:     &listSecretVersionIDs,
	tagResource.name:              &tagResource,
	untagResource.name:            &untagResource,
	getResourcePolicy.name:        &getResourcePolicy,
	putResourcePolicy.name:        &putResourcePolicy,
	deleteResourcePolicy.name:     &deleteResourcePolicy,
	validateResourcePolicy.name:   &validateResourcePolicy,
	getRandomPassword.name:        &getRandomPassword,
	rotateSecret.name:             &rotateSecret,
	cancelRotateSecret.name:       &cancelRotateSecret,

	replicateSecretToRegions.name:     &replicateSecretToRegions,
	removeRegionsFromReplication.name: &removeRegionsFromReplication,
	stopReplicationToReplica.name:     &stopReplicationToReplica,
}

func (op *operation[In, Out]) serve(ctx context.Context, b *Backend, from origin, body []byte) (smithy.Serializable, error) {
	in := new(In)
	if err := decode(body, in); err != nil {
		// The reason may quote the body, and so a secret value.
		return nil, b.reject(op.name, failure("SerializationException", "The request body is not a JSON object with the members of "+op.name+
			". Check the names and types of the members."))
	}
	out, err := op.perform(ctx, b, from, in)
	if err != nil {
		return nil, err
	}
	return any(out).(smithy.Serializable), nil
}

// reject logs a request that names no operation or cannot be read.
func (b *Backend) reject(operation string, err error) error {
	b.calls.finish(b.calls.add(Call{Operation: operation, HTTP: true, At: b.clock()}), err)
	return err
}

func (b *Backend) serveHTTP(w http.ResponseWriter, r *http.Request) {
	out, err := b.dispatch(r)
	w.Header().Set(requestIDHeader, newUUID())
	w.Header().Set("Date", b.clock().UTC().Format(http.TimeFormat))
	w.Header().Set("Content-Type", contentType)
	if api, ok := asAPIError(err); ok {
		writeError(w, api)
	} else if err != nil {
		breakConnection(w)
	} else {
		writeAnswer(w, out)
	}
}

func (b *Backend) dispatch(r *http.Request) (smithy.Serializable, error) {
	target := r.Header.Get("X-Amz-Target")
	name, ok := strings.CutPrefix(target, targetPrefix)
	op := operations[name]
	if !ok || op == nil {
		return nil, b.reject(name, unknownOperation(target))
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if errors.As(err, new(*http.MaxBytesError)) {
		// What the service answers to an oversized body is not recorded.
		return nil, b.reject(name, failure("RequestEntityTooLargeException",
			"The request body is larger than 1 MiB, which is the most that secretstest reads."))
	}
	if err != nil { // the client is gone, or its connection broke
		return nil, b.reject(name, err)
	}
	return op.serve(r.Context(), b, b.origin(r), body)
}

// unknownOperation is the answer to a target that names no operation. The code
// is the one that AWS's services of this protocol answer; they send no text.
func unknownOperation(target string) error {
	const shown = 100 // bytes of the target
	return failure("UnknownOperationException", fmt.Sprintf("secretstest has no operation %q. "+
		"Send X-Amz-Target: %s and the name of an operation of Secrets Manager.", target[:min(len(target), shown)], targetPrefix))
}

// origin reads the credential scope of a signature, which is not checked:
// Credential=KEY/DATE/REGION/secretsmanager/aws4_request.
func (b *Backend) origin(r *http.Request) origin {
	from := b.inProcess()
	from.http = true
	_, scope, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	parts := strings.SplitN(scope, "/", 4)
	if len(parts) < 4 {
		return from
	}
	from.caller.accessKey = parts[0]
	from.caller.account = cmp.Or(b.accessKeys[parts[0]], from.caller.account)
	from.region = cmp.Or(parts[2], from.region)
	from.caller.partition = partition(from.region)
	return from
}

func writeAnswer(w http.ResponseWriter, out smithy.Serializable) {
	body, err := encodeAnswer(out)
	if err != nil {
		writeError(w, &smithy.GenericAPIError{Code: "InternalServiceError", Message: err.Error(), Fault: smithy.FaultServer})
		return
	}
	_, _ = w.Write(body)
}

func writeError(w http.ResponseWriter, api smithy.APIError) {
	body, _ := json.Marshal(struct { // two strings always marshal
		Type    string `json:"__type"`
		Message string `json:",omitempty"`
	}{api.ErrorCode(), api.ErrorMessage()})
	w.WriteHeader(statusOf(api))
	_, _ = w.Write(body)
}

// breakConnection closes the connection without an answer, with a TCP reset
// where the connection can be had.
func breakConnection(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

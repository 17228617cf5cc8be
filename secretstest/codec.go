package secretstest

import (
	"context"
	"encoding/json"
	"io"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/schemas"
	smithy "github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"
)

// protocol is the SDK's AWS JSON 1.1. It encodes any shape of the service, and
// so the server's answers too: dates as seconds since 1970 with a fraction,
// bytes as base64, absent members left out.
var protocol = awsjson.New11(schemas.Secretsmanager)

// anyOperation makes the protocol write a body; which shape it has is the
// value's own affair.
var anyOperation = smithy.NewOperationSchema(schemas.GetSecretValue, schemas.GetSecretValueResponse, nil)

func encode(out smithy.Serializable) ([]byte, error) {
	request := smithyhttp.NewStackRequest().(*smithyhttp.Request)
	if err := protocol.SerializeRequest(context.Background(), anyOperation, out, request); err != nil {
		return nil, err
	}
	return io.ReadAll(request.GetStream())
}

// decode reads a request body into an input of the SDK, whose fields have the
// names of the wire. Unknown members are ignored; so are known ones in another
// case, which encoding/json alone would take.
func decode(body []byte, in any) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return err
	}
	shape := reflect.TypeOf(in).Elem()
	for name := range members {
		if _, ok := shape.FieldByName(name); !ok {
			delete(members, name)
		}
	}
	exact, err := json.Marshal(members)
	if err != nil {
		return err
	}
	return json.Unmarshal(exact, in)
}

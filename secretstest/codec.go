package secretstest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

// encodeAnswer is encode, with the false and zero members at the top of the
// answer, which the service sends and the SDK's encoder leaves out. Members
// that are nil stay absent, as in the service's answers; an empty list is sent.
func encodeAnswer(out smithy.Serializable) ([]byte, error) {
	body, err := encode(out)
	if err != nil {
		return nil, err
	}
	members := bytes.TrimPrefix(body, []byte("{"))
	for _, zero := range zeroMembers(reflect.Indirect(reflect.ValueOf(out))) {
		if !bytes.HasPrefix(members, []byte("}")) {
			zero = append(zero, ',')
		}
		members = append(zero, members...)
	}
	return append([]byte("{"), members...), nil
}

// zeroMembers is the false and zero members of a shape, as JSON.
func zeroMembers(shape reflect.Value) (members [][]byte) {
	for member, value := range shape.Fields() {
		switch value.Kind() {
		case reflect.Bool, reflect.Int32, reflect.Int64, reflect.Float64:
			if value.IsZero() {
				members = append(members, fmt.Appendf(nil, "%q:%v", member.Name, value))
			}
		}
	}
	return members
}

// decode reads a request body into an input of the SDK, whose fields have the
// names of the wire. Unknown members are ignored; so are known ones in another
// case, which encoding/json alone would take.
func decode(body []byte, in any) error {
	if !bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
		return errors.New("not an object")
	}
	exact, err := exactMembers(body, reflect.TypeOf(in))
	if err != nil {
		return err
	}
	return json.Unmarshal(exact, in)
}

// exactMembers drops the members that a shape does not have by that very name,
// at any depth.
func exactMembers(body json.RawMessage, shape reflect.Type) (json.RawMessage, error) {
	switch shape.Kind() {
	case reflect.Pointer:
		return exactMembers(body, shape.Elem())
	case reflect.Struct:
		var members map[string]json.RawMessage
		return exactParts(body, &members, func() error { return keepExact(members, shape) })
	case reflect.Slice:
		if shape.Elem().Kind() != reflect.Struct {
			return body, nil
		}
		var items []json.RawMessage
		return exactParts(body, &items, func() (err error) {
			for i := range items {
				items[i], err = exactMembers(items[i], shape.Elem())
			}
			return err
		})
	default:
		return body, nil
	}
}

// exactParts takes a value apart, changes the parts, and puts it together again.
func exactParts(body json.RawMessage, parts any, change func() error) (json.RawMessage, error) {
	if err := json.Unmarshal(body, parts); err != nil {
		return nil, err
	}
	if err := change(); err != nil {
		return nil, err
	}
	return json.Marshal(parts)
}

func keepExact(members map[string]json.RawMessage, shape reflect.Type) error {
	for name, value := range members {
		field, ok := shape.FieldByName(name)
		if !ok {
			delete(members, name)
			continue
		}
		exact, err := exactMembers(value, field.Type)
		if err != nil {
			return err
		}
		members[name] = exact
	}
	return nil
}

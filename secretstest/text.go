package secretstest

import (
	"reflect"
	"unicode/utf8"

	smithy "github.com/aws/smithy-go"
)

// asSent is an input as it arrives over HTTP: the SDK writes U+FFFD for each byte
// that is no part of UTF-8. An input of valid texts is itself.
func asSent[In any](in *In) *In {
	if validTexts(reflect.ValueOf(in)) {
		return in
	}
	sent := new(In)
	body, err := encode(any(in).(smithy.Serializable))
	if err != nil || decode(body, sent) != nil {
		return in // what the SDK encodes can be decoded
	}
	return sent
}

// validTexts tells whether all texts of an input are UTF-8.
func validTexts(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String:
		return utf8.ValidString(v.String())
	case reflect.Pointer:
		return v.IsNil() || validTexts(v.Elem())
	case reflect.Struct:
		for _, field := range v.Fields() {
			if !validTexts(field) {
				return false
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return true
		}
		for i := range v.Len() {
			if !validTexts(v.Index(i)) {
				return false
			}
		}
	}
	return true
}

package secretstest_test

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"reflect"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets/secretstest"
)

const (
	publicPolicy  = `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`
	privatePolicy = `{"Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"*","Resource":"*"}]}`
)

// validation is the input of a ValidateResourcePolicy.
func validation(t *testing.T, policy string) string {
	t.Helper()
	body, err := json.Marshal(map[string]string{"ResourcePolicy": policy})
	must(t, err)
	return string(body)
}

// TestFalseIsSent holds the body of an answer with a false member: the SDK's own
// encoder leaves it out, and a client in another language then has no such key.
// The order of the members has no meaning.
func TestFalseIsSent(t *testing.T) {
	got := post(t, secretstest.New(), "secretsmanager.ValidateResourcePolicy", validation(t, publicPolicy))
	const want = `{"PolicyValidationPassed":false,"ValidationErrors":[{"CheckName":"PUBLIC_ACCESS",` +
		`"ErrorMessage":"The resource policy did not prevent broad access to the secret."}]}`
	if got.body != want {
		t.Errorf("got  %s\nwant %s", got.body, want)
	}
	got = post(t, secretstest.New(), "secretsmanager.ValidateResourcePolicy", validation(t, privatePolicy))
	if got.body != `{"PolicyValidationPassed":true,"ValidationErrors":[]}` {
		t.Errorf("got %s", got.body)
	}
}

// TestScalarsOfAnswers finds every boolean and number in an answer that is no
// pointer, whose false or 0 the SDK's encoder leaves out. The handler adds those
// at the top of an answer and no others, so one further down fails here.
func TestScalarsOfAnswers(t *testing.T) {
	var found []string
	backend := reflect.TypeFor[*secretsmanager.Client]()
	for method := range backend.Methods() {
		if method.Type.NumOut() != 2 || method.Type.Out(0).Kind() != reflect.Pointer {
			continue
		}
		found = append(found, scalars(method.Name, method.Type.Out(0).Elem())...)
	}
	if want := []string{"ValidateResourcePolicy.PolicyValidationPassed"}; !reflect.DeepEqual(found, want) {
		t.Errorf("got %v, want %v", found, want)
	}
}

// scalars lists the booleans and numbers of a shape, by their path.
func scalars(path string, shape reflect.Type) (found []string) {
	switch shape.Kind() {
	case reflect.Bool, reflect.Int32, reflect.Int64, reflect.Float64:
		return []string{path}
	case reflect.Slice:
		if shape.Elem().Kind() == reflect.Struct {
			return scalars(path, shape.Elem())
		}
	case reflect.Pointer:
		if shape.Elem().Kind() == reflect.Struct && shape.Elem().PkgPath() != "time" {
			return scalars(path, shape.Elem())
		}
	case reflect.Struct:
		for field := range shape.Fields() {
			if field.IsExported() && field.Name != "ResultMetadata" {
				found = append(found, scalars(path+"."+field.Name, field.Type)...)
			}
		}
	}
	return found
}

// askBoto prints the keys that a boto3 client sees in two answers.
const askBoto = `
import boto3, json, sys
client = boto3.client("secretsmanager", endpoint_url=sys.argv[1], region_name="eu-west-1",
                      aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="generated")
def show(answer):
    answer.pop("ResponseMetadata")
    return answer
print(json.dumps([
    show(client.validate_resource_policy(ResourcePolicy=sys.argv[2])),
    show(client.validate_resource_policy(ResourcePolicy=sys.argv[3])),
    show(client.batch_get_secret_value(SecretIdList=["nobody"])),
    show(client.list_secrets()),
]))
`

// TestBoto3 has boto3 read answers with false and empty members.
func TestBoto3(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil || testing.Short() || exec.CommandContext(t.Context(), python, "-c", "import boto3").Run() != nil {
		t.Skip("needs Python with boto3, and seconds")
	}
	server := httptest.NewServer(secretstest.New().Handler())
	defer server.Close()
	cmd := exec.CommandContext(t.Context(), python, "-c", askBoto, server.URL, publicPolicy, privatePolicy)
	cmd.Env, cmd.Stderr = cliEnvironment(), os.Stderr
	out, err := cmd.Output()
	must(t, err)
	var answers []map[string]json.RawMessage
	must(t, json.Unmarshal(out, &answers))
	for i, want := range []map[string]string{
		{"PolicyValidationPassed": "false"},
		{"PolicyValidationPassed": "true", "ValidationErrors": "[]"},
		{"SecretValues": "[]"},
		{"SecretList": "[]"},
	} {
		for member, text := range want {
			if got := string(answers[i][member]); got != text {
				t.Errorf("answer %d: %s is %q, want %s", i, member, got, text)
			}
		}
	}
}

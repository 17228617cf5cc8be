package secretstest_test

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/formbridge/tenantsecrets/secretstest"
)

// replicas is the operations on replicas.
type replicas interface {
	ReplicateSecretToRegions(context.Context, *secretsmanager.ReplicateSecretToRegionsInput, ...func(*secretsmanager.Options)) (*secretsmanager.ReplicateSecretToRegionsOutput, error)
	RemoveRegionsFromReplication(context.Context, *secretsmanager.RemoveRegionsFromReplicationInput, ...func(*secretsmanager.Options)) (*secretsmanager.RemoveRegionsFromReplicationOutput, error)
	StopReplicationToReplica(context.Context, *secretsmanager.StopReplicationToReplicaInput, ...func(*secretsmanager.Options)) (*secretsmanager.StopReplicationToReplicaOutput, error)
}

func noReplication(operation string) string {
	return "secretstest has no replication: " + operation + " is not available. Create the secret in each Region with CreateSecret instead."
}

func TestReplicationIsRefused(t *testing.T) {
	hold(t, []behaviour{{"with a text that says why", "the fake's contract: what it does not imitate", func(f *fixture) {
		calls, ok := f.api.(replicas)
		if !ok {
			f.Fatal("the backend has no such operations")
		}
		id := aws.String("s")
		replicate := func() error {
			_, err := calls.ReplicateSecretToRegions(f.Context(), &secretsmanager.ReplicateSecretToRegionsInput{
				SecretId: id, AddReplicaRegions: []types.ReplicaRegionType{{Region: aws.String("eu-west-1")}},
			})
			return err
		}
		notFound(f.T, replicate())
		f.create("s", token())
		refused(f.T, replicate(), "InvalidRequestException", noReplication("ReplicateSecretToRegions"))
		_, err := calls.RemoveRegionsFromReplication(f.Context(), &secretsmanager.RemoveRegionsFromReplicationInput{
			SecretId: id, RemoveReplicaRegions: []string{"eu-west-1"},
		})
		refused(f.T, err, "InvalidRequestException", noReplication("RemoveRegionsFromReplication"))
		_, err = calls.StopReplicationToReplica(f.Context(), &secretsmanager.StopReplicationToReplicaInput{SecretId: id})
		refused(f.T, err, "InvalidRequestException", noReplication("StopReplicationToReplica"))
		if logged := f.backend.Calls(); logged[len(logged)-1].Operation != "StopReplicationToReplica" || logged[len(logged)-1].SecretID != "s" {
			f.Errorf("logged %+v", logged)
		}
	}}})
}

func TestReplicationOnTheWire(t *testing.T) {
	f := newFixture(t, inProcess)
	f.create("s", token())
	for operation, body := range map[string]string{
		"ReplicateSecretToRegions":     `{"SecretId":"s","AddReplicaRegions":[{"Region":"eu-west-1"}]}`,
		"RemoveRegionsFromReplication": `{"SecretId":"s","RemoveReplicaRegions":["eu-west-1"]}`,
		"StopReplicationToReplica":     `{"SecretId":"s"}`,
	} {
		got := post(t, f.backend, "secretsmanager."+operation, body)
		if want := `{"__type":"InvalidRequestException","Message":"` + noReplication(operation) + `"}`; got.status != http.StatusBadRequest || got.body != want {
			t.Errorf("%d %s\nwant %s", got.status, got.body, want)
		}
	}
}

// TestEveryOperation holds that the backend and its handler have every operation
// of the SDK's client, and that each refusal of an empty request has a text.
func TestEveryOperation(t *testing.T) {
	operations := 0
	for method := range reflect.TypeFor[*secretsmanager.Client]().Methods() {
		if method.Type.NumOut() != 2 || !strings.HasSuffix(method.Type.Out(0).String(), method.Name+"Output") {
			continue
		}
		operations++
		if _, ok := reflect.TypeFor[*secretstest.Backend]().MethodByName(method.Name); !ok {
			t.Errorf("the backend has no method %s", method.Name)
		}
		got := post(t, secretstest.New(), "secretsmanager."+method.Name, `{}`)
		if strings.Contains(got.body, "UnknownOperation") || got.status != http.StatusOK && !strings.Contains(got.body, `"Message":"`) {
			t.Errorf("%s: %d %s", method.Name, got.status, got.body)
		}
	}
	if operations != 23 {
		t.Errorf("%d operations", operations)
	}
}

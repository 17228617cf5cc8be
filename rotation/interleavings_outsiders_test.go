package rotation_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets/internal/document"
)

// writesAlone is a program that puts a new secret without regard to any other key.
func writesAlone() *role {
	return &role{
		name: "foreign", kind: "foreign", opens: "PutSecretValue", makes: outside, hostile: true,
		act: func(ctx context.Context, w *world, p *port) (string, error) {
			text := fmt.Sprintf(`{"shared_secret":%q,"created_at":%q,"tenant_id":%q,"version":"1.0"}`,
				document.GenerateKey("", time.Time{}).Secret, time.Now().UTC().Format(time.RFC3339), tenant)
			_, err := p.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: &w.secret, SecretString: &text})
			return "", err
		},
	}
}

// movesBack is somebody who puts AWSCURRENT back on the version before.
func movesBack() *role {
	return label("console", func(*snapshot) bool { return true })
}

// undoes is somebody who does so if another program has written, and else nothing.
func undoes() *role {
	return label("undo", func(s *snapshot) bool { return !s.labelled("AWSCURRENT").Document.Based })
}

// label moves AWSCURRENT back, if the labels are as is wanted at the moment when it is
// done.
func label(name string, wanted func(*snapshot) bool) *role {
	return &role{
		name: name, kind: name, opens: "UpdateSecretVersionStage", makes: outside, hostile: true,
		act: func(ctx context.Context, w *world, p *port) (string, error) {
			move := func(ctx context.Context, in *secretsmanager.UpdateSecretVersionStageInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.UpdateSecretVersionStageOutput, error) {
				s := w.history.last()
				if !wanted(s) {
					return nil, errNothingToDo
				}
				in.MoveToVersionId, in.RemoveFromVersionId = aws.String(s.holder("AWSPREVIOUS")), aws.String(s.holder("AWSCURRENT"))
				return w.backend.UpdateSecretVersionStage(ctx, in)
			}
			in := &secretsmanager.UpdateSecretVersionStageInput{SecretId: &w.secret, VersionStage: aws.String("AWSCURRENT")}
			_, err := through(ctx, p, "UpdateSecretVersionStage", in, move)
			return "", err
		},
	}
}

var errNothingToDo = errors.New("the labels are not those to be moved")

// rotatesAsUsual is a rotation as it is usually written: a new key under a random token
// as AWSPENDING, and then the label. It knows the stored document as well as we do.
func rotatesAsUsual(name string) *role {
	return &role{
		name: name, kind: "usual", opens: "GetSecretValue", makes: routine,
		act: func(ctx context.Context, w *world, p *port) (string, error) {
			current, err := p.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &w.secret, VersionStage: aws.String("AWSCURRENT")})
			if err != nil {
				return "", err
			}
			id := document.RandomVersionID()
			text := w.rotated(current, id)
			if _, err := p.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
				SecretId: &w.secret, ClientRequestToken: &id, SecretString: &text, VersionStages: []string{"AWSPENDING"},
			}); err != nil {
				return "", err
			}
			described, err := p.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &w.secret})
			if err != nil {
				return "", err
			}
			_, err = p.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
				SecretId: &w.secret, VersionStage: aws.String("AWSCURRENT"), MoveToVersionId: &id, RemoveFromVersionId: currentOf(described),
			})
			return id, err
		},
	}
}

// rotated is the document after a current one.
func (w *world) rotated(current *secretsmanager.GetSecretValueOutput, id string) string {
	doc, err := document.Decode(*current.SecretString)
	w.must(err)
	schedule := document.Schedule{At: time.Now(), Handover: 65 * time.Minute, Grace: 24 * time.Hour}
	d := document.NewDraft(document.Version{ID: *current.VersionId, Document: doc}, nil, time.Time{}, schedule)
	w.must(d.Rotate(document.GenerateKey(id, time.Now().UTC())))
	text, err := d.Encode()
	w.must(err)
	return text
}

func currentOf(d *secretsmanager.DescribeSecretOutput) *string {
	for id, labels := range d.VersionIdsToStages {
		if slices.Contains(labels, "AWSCURRENT") {
			return &id
		}
	}
	return nil
}

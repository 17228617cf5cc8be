// Package provision creates and changes the secrets of every kind that a service's
// tenants have, for the one process that may: a reader of them holds no such right.
//
//	p, err := provision.New(client, secretsmanager.NewFromConfig(cfg))
//	shop := tenantsecrets.DestinationAPIKey("webhook1")
//	_, err = provision.Create(ctx, p, "t_abc123", shop, tenantsecrets.APIKey{Key: key, Scheme: "Bearer"})
//
//	entry, err := provision.Read(ctx, p, "t_abc123", shop)
//	entry.Value.Key = newKey
//	_, err = provision.Put(ctx, p, "t_abc123", shop, entry.VersionID, entry.Value)
//
// [Put] takes the version that the change was based on. Where another process has
// written in the meantime it changes nothing and the error is ErrConflict: read again.
// What a document has beside the members of its kind survives.
//
// What is replaced is gone from the document: a key that is still to be used for a while
// belongs into Previous. It stays in the versions before, which Secrets Manager keeps, about a
// hundred of them, for whoever may read them by label or id: to destroy an encryption key for
// good, delete the secret. In this process the next Get looks again; a read that lags behind
// may show the version before for up to TTL.
//
// HMAC secrets are made here ([Provisioner.CreateHMACKey]; [Provisioner.HMACKey] has it for
// the receiver) and by [tenantsecrets.Client.CreateTenant], and changed by package rotation
// alone.
//
// # Permissions
//
// Besides those of a reader, secretsmanager:CreateSecret, TagResource and PutSecretValue
// on the secrets, and ListSecrets, which has no resource, for
// [Provisioner.Destinations].
package provision

# Encrypts what shops entrust to us, such as the secrets of their platforms. Lost, they must be entered again.
resource "random_bytes" "secrets_key" {
  length = 32
}

locals {
  secrets = {
    popups-db-owner-password = random_password.owner.result
    popups-redis-url         = local.redis_url
    popups-redis-ca          = local.redis_ca
    popups-secrets-key       = random_bytes.secrets_key.base64
  }
}

resource "google_secret_manager_secret" "popups" {
  for_each  = toset(keys(local.secrets))
  secret_id = each.value

  replication {
    auto {}
  }

  depends_on = [google_project_service.on]
}

# A new value is a new version, whose number comes with the next deploy.env. The old one stays for a rollback.
resource "google_secret_manager_secret_version" "popups" {
  for_each        = google_secret_manager_secret.popups
  secret          = each.value.id
  secret_data     = local.secrets[each.key]
  deletion_policy = "DISABLE"
}

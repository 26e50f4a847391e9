locals {
  version = { for name, version in google_secret_manager_secret_version.popups : name => "${name}:${version.version}" }
}

output "deploy_env" {
  description = "The settings of ./deploy.sh: terraform output -raw deploy_env > ../../deploy.env"

  value = <<-EOT
    # Written by terraform (ops/terraform); deploy.env.example says what each means.
    PROJECT=${var.project}
    REGION=${var.region}
    INSTANCE_CONNECTION_NAME=${google_sql_database_instance.popups.connection_name}
    DB_NAME=${google_sql_database.popups.name}
    DB_IAM_AUTH=true
    DB_IP_TYPE=private
    MIGRATE_DB_USER=${google_sql_user.owner.name}
    MIGRATE_DB_PASSWORD_SECRET=${local.version["popups-db-owner-password"]}
    MIGRATE_IN=job
    REDIS_URL_SECRET=${local.version["popups-redis-url"]}
    REDIS_CA_SECRET=${local.version["popups-redis-ca"]}
    SECRETS_KEY_SECRET=${local.version["popups-secrets-key"]}
    NETWORK=${google_compute_network.popups.name}
    SUBNET=${google_compute_subnetwork.popups.name}
    DOMAIN=${var.domain}
    INGRESS=internal-and-cloud-load-balancing
    BUCKET=${google_storage_bucket.files.name}
    NOTIFICATION_CHANNELS=${google_monitoring_notification_channel.email.id}
    RETAIN_DAYS=${var.retain_days}
    DEPLOYER=${var.deployer}
  EOT
}

output "grant" {
  description = "The command that gives the functions their rights in the database, after the first migration."

  value = join(" ", concat(
    ["./deploy.sh admin grant"],
    [for name, user in google_sql_user.function : "${name == "stats" ? "--stats" : "--app"} ${user.name}"],
  ))
}

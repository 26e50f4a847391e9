resource "google_sql_database_instance" "popups" {
  name                = "popups"
  database_version    = "POSTGRES_17"
  deletion_protection = true

  settings {
    edition                     = "ENTERPRISE"
    tier                        = var.tier
    availability_type           = var.highly_available ? "REGIONAL" : "ZONAL"
    deletion_protection_enabled = true
    disk_type                   = "PD_SSD"
    disk_size                   = 20
    disk_autoresize             = true

    ip_configuration {
      ipv4_enabled    = false
      private_network = google_compute_network.popups.id
      ssl_mode        = "ENCRYPTED_ONLY"
    }

    backup_configuration {
      enabled                        = true
      start_time                     = "02:00"
      point_in_time_recovery_enabled = true
      transaction_log_retention_days = 7

      backup_retention_settings {
        retained_backups = 14
      }
    }

    # Each function signs in as its own service account.
    database_flags {
      name  = "cloudsql.iam_authentication"
      value = "on"
    }

    # A transaction that was left open holds the locks of its rows, and VACUUM.
    database_flags {
      name  = "idle_in_transaction_session_timeout"
      value = "60000"
    }

    insights_config {
      query_insights_enabled  = true
      query_plans_per_minute  = 5
      query_string_length     = 4500
      record_application_tags = false
      record_client_address   = false
    }

    maintenance_window {
      day          = 7
      hour         = 4
      update_track = "stable"
    }
  }

  depends_on = [google_service_networking_connection.managed]
}

resource "google_sql_database" "popups" {
  name     = "popups"
  instance = google_sql_database_instance.popups.name
}

# The owner: applies migrations, in the job popups-admin and nowhere else.
resource "random_password" "owner" {
  length  = 40
  special = false
}

resource "google_sql_user" "owner" {
  name     = "popups"
  instance = google_sql_database_instance.popups.name
  password = random_password.owner.result
}

resource "google_service_account" "function" {
  for_each     = var.services
  account_id   = each.value
  display_name = each.key
  depends_on   = [google_project_service.on]
}

# What they may do in the database, `popups grant` says.
resource "google_sql_user" "function" {
  for_each = google_service_account.function
  name     = trimsuffix(each.value.email, ".gserviceaccount.com")
  instance = google_sql_database_instance.popups.name
  type     = "CLOUD_IAM_SERVICE_ACCOUNT"
}

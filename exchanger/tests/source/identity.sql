-- Общая база идентификации и сессий

-- Таблица пользователей (общая)
CREATE TABLE users (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  email VARCHAR(255) UNIQUE NOT NULL,
  password_hash VARCHAR(255) NOT NULL,
  email_verified BOOLEAN DEFAULT false,
  created_at TIMESTAMP DEFAULT NOW(),
  updated_at TIMESTAMP DEFAULT NOW()
);

-- Таблица сессий с контекстом приложения
CREATE TABLE sessions (
  id VARCHAR(255) PRIMARY KEY,
  user_id UUID NOT NULL,
  application_context VARCHAR(50) NOT NULL, -- 'web', 'admin', 'telegram'
  session_data JSONB,
  expires_at TIMESTAMP NOT NULL,
  created_at TIMESTAMP DEFAULT NOW(),
  updated_at TIMESTAMP DEFAULT NOW(),

  CONSTRAINT fk_user FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
);

-- Таблица разрешений (общая)
CREATE TABLE user_permissions (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id UUID NOT NULL,
  permission VARCHAR(100) NOT NULL,
  application_context VARCHAR(50) NOT NULL,
  granted_at TIMESTAMP DEFAULT NOW(),

  CONSTRAINT fk_user_perm FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE,
  UNIQUE(user_id, permission, application_context)
);

-- Индексы для производительности
CREATE INDEX idx_sessions_app_context ON sessions(application_context, user_id);
CREATE INDEX idx_sessions_expires ON sessions(expires_at);
CREATE INDEX idx_user_permissions_context ON user_permissions(application_context, user_id);

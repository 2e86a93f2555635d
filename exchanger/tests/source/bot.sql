-- База телеграм-бота

-- Диалоги пользователей
CREATE TABLE conversations (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  telegram_user_id BIGINT NOT NULL,
  user_id UUID, -- Ссылка на exchanger_identity.users (если привязан)
  state VARCHAR(100) DEFAULT 'idle',
  context JSONB,
  created_at TIMESTAMP DEFAULT NOW(),
  updated_at TIMESTAMP DEFAULT NOW(),

  UNIQUE(telegram_user_id)
);

-- Сообщения
CREATE TABLE messages (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  conversation_id UUID NOT NULL,
  message_id BIGINT NOT NULL,
  message_type VARCHAR(50) NOT NULL, -- 'text', 'photo', 'document', etc.
  content JSONB NOT NULL,
  sent_at TIMESTAMP DEFAULT NOW(),

  CONSTRAINT fk_conversation FOREIGN KEY (conversation_id) REFERENCES conversations(id) ON DELETE CASCADE
);

-- Уведомления
CREATE TABLE notifications (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id UUID NOT NULL, -- Ссылка на exchanger_identity.users
  telegram_user_id BIGINT,
  message TEXT NOT NULL,
  notification_type VARCHAR(100) NOT NULL,
  sent BOOLEAN DEFAULT false,
  sent_at TIMESTAMP,
  created_at TIMESTAMP DEFAULT NOW()
);

-- Состояние бота
CREATE TABLE bot_state (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  key VARCHAR(255) UNIQUE NOT NULL,
  value JSONB NOT NULL,
  updated_at TIMESTAMP DEFAULT NOW()
);

-- Команды пользователей
CREATE TABLE user_commands (
  id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  telegram_user_id BIGINT NOT NULL,
  command VARCHAR(255) NOT NULL,
  parameters JSONB,
  executed_at TIMESTAMP DEFAULT NOW()
);
